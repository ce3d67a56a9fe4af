RuleSet: OwnedPlan
* insert Published
* subject only Reference(Patient)
* author ^short = "The one owner: a PractitionerRole with practitioner and organization (OWN-1)"
* careTeam only Reference(CareTeam)
* instantiatesCanonical ^short = "The version of the pathway that the plan runs under (GOV-3)"
* obeys OWN-1

Profile: BatonCarePlan
Parent: CarePlan
Id: baton-care-plan
Title: "Care plan"
Description: "A top-level care plan. While it is active one PractitionerRole owns it (OWN-1); it may belong to one episode of care (OWN-6)."
* insert OwnedPlan
* extension contains $episode-of-care named episode 0..1
* category 1..*
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains plan 1..1
* category[plan] = $sct#734163000

Profile: BatonCrisisPlan
Parent: CarePlan
Id: baton-crisis-plan
Title: "Joint crisis plan"
Description: "A crisis plan that agencies agree on. Active, it names its lead agency, what each partner does and when it is reviewed, and carries the `crisis` minimum dataset: triggers, escalation routes and communication plan are items there (E9, TIM-9)."
* insert OwnedPlan
* category 1..*
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains crisis 1..1
* category[crisis] = $sct#736253002
* extension contains
    LeadAgency named leadAgency 0..1 and
    PartnerRole named partnerRole 0..* and
    ReviewDate named reviewDate 0..1
* supportingInfo ^short = "Holds the QuestionnaireResponse to mds-crisis"
* obeys E9 and E9.partners and E9.dataset and TIM-9

Profile: BatonCareTeam
Parent: CareTeam
Id: baton-care-team
Title: "Care team of a plan"
Description: "The team whose one open care coordinator is the plan's owner (OWN-2)."
* insert Published
* status 1..1
* subject 1..1
* subject only Reference(Patient)
* participant 1..*
* participant.role 1..*
* participant.member 1..1
* participant.extension contains ParticipantAgency named agency 0..1
* participant obeys OWN-2.member and OWN-2.agency and OWN-4
* obeys OWN-2
