RuleSet: ExtensionOn(context)
* ^context[+].type = #element
* ^context[=].expression = "{context}"
* insert Published

Extension: Authority
Id: authority
Title: "Authority to disclose"
Description: "What a disclosure rests on: a Consent in its exact version, or a lawful basis whose text is the justification (DIS, E8)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only Reference(Consent) or CodeableConcept
* valueCodeableConcept from LawfulBasisValues (required)

Extension: LeadAgency
Id: lead-agency
Title: "Lead agency"
Description: "The agency that leads a joint crisis plan (E9)."
* insert ExtensionOn(CarePlan)
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: PartnerRole
Id: partner-role
Title: "Partner's role"
Description: "An agency that must agree to a joint crisis plan, and what it does when the plan is used (E9)."
* insert ExtensionOn(CarePlan)
* extension contains
    agency 1..1 and
    role 1..1 and
    agreement 0..1
* extension[agency] ^short = "The agency"
* extension[agency].value[x] 1..1
* extension[agency].value[x] only Reference(Organization)
* extension[role] ^short = "What it does when the plan is used"
* extension[role].value[x] 1..1
* extension[role].value[x] only CodeableConcept
* extension[agreement] ^short = "The completed agree-plan Task"
* extension[agreement].value[x] 1..1
* extension[agreement].value[x] only Reference(Task)

Extension: ReviewDate
Id: review-date
Title: "Review date"
Description: "When the plan is next reviewed (TIM-9)."
* insert ExtensionOn(CarePlan)
* value[x] 1..1
* value[x] only date

Extension: ParticipantAgency
Id: participant-agency
Title: "Participant's agency"
Description: "For whom a member of a care team acts. `onBehalfOf` may not say it of a PractitionerRole (ctm-1)."
* insert ExtensionOn(CareTeam.participant)
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: HeldFrom
Id: held-from
Title: "Held from"
Description: "The status that a Task on hold goes back to. Written by the service only (HOV-1)."
* insert ExtensionOn(Task)
* value[x] 1..1
* value[x] only code
* valueCode from http://hl7.org/fhir/ValueSet/task-status (required)

Extension: RequiredWhen
Id: required-when
Title: "Required when"
Description: "The condition under which a dataset item must be answered although it is not always required (MDS)."
* insert ExtensionOn(Questionnaire.item)
* value[x] 1..1
* value[x] only code
* valueCode from DatasetConditionValues (required)
