RuleSet: Errand(code)
* insert Published
* intent = #order
* code 1..1
* code = $task-code#{code}
* for 1..1
* for only Reference(Patient)
* authoredOn ^short = "When it was asked"

RuleSet: Due
* restriction 1..1
* restriction.period 1..1
* restriction.period.end 1..1
* restriction.period.end ^short = "Due"

RuleSet: TypedInputs
* input ^slicing.discriminator.type = #pattern
* input ^slicing.discriminator.path = "type"
* input ^slicing.rules = #open

RuleSet: TypedOutputs
* output ^slicing.discriminator.type = #pattern
* output ^slicing.discriminator.path = "type"
* output ^slicing.rules = #open

RuleSet: ContactOutputs
* output[firstContact].type = $task-output#first-contact
* output[firstContact].value[x] only Reference(Encounter or Communication or Observation or Appointment) or dateTime or Period
* output[noContactRequired].type = $task-output#no-contact-required
* output[noContactRequired].value[x] only string or CodeableConcept

Profile: BatonHandoverTask
Parent: Task
Id: baton-handover-task
Title: "Handover"
Description: "Asks another agency to take over responsibility for a care plan (HOV)."
* insert Errand(handover)
* extension contains HeldFrom named heldFrom 0..1
* groupIdentifier ^short = "The conversation"
* statusReason from StatusReasonValues (extensible)
* businessStatus from BusinessStatusValues (extensible)
* focus 1..1
* focus only Reference(CarePlan)
* requester 1..1
* requester only Reference(PractitionerRole)
* owner 1..1
* owner only Reference(Organization or HealthcareService or PractitionerRole)
* restriction.period.end ^short = "Accept by"
* insert TypedInputs
* input contains minimumDataset 1..1 and sharingAuthority 1..1 and package 0..1
* input[minimumDataset].type = $task-input#minimum-dataset
* input[minimumDataset].value[x] only Reference(QuestionnaireResponse)
* input[sharingAuthority].type = $task-input#sharing-authority
* input[sharingAuthority].value[x] only Reference(Consent) or CodeableConcept
* input[sharingAuthority].valueCodeableConcept from LawfulBasisValues (required)
* input[sharingAuthority] obeys HOV-3
* input[package].type = $task-input#package
* input[package].value[x] only Reference(Bundle)
* insert TypedOutputs
* output contains lead 0..1 and acceptedScope 0..* and declinedScope 0..* and firstContact 0..* and noContactRequired 0..1
* output[lead].type = $task-output#lead
* output[lead].value[x] only Reference(PractitionerRole)
* output[acceptedScope].type = $task-output#accepted-scope
* output[acceptedScope].value[x] only CodeableConcept
* output[acceptedScope].valueCodeableConcept from ScopeOfResponsibilityValues (extensible)
* output[declinedScope].type = $task-output#declined-scope
* output[declinedScope].value[x] only CodeableConcept
* output[declinedScope].valueCodeableConcept from ScopeOfResponsibilityValues (extensible)
* insert ContactOutputs
* obeys HOV-1.accept-by and HOV-1.conversation and HOV-1.reason and HOV-1.lead and HOV-1.contact and HOV-2 and HOV-3.input and HOV-6

Profile: BatonClarificationTask
Parent: Task
Id: baton-clarification-task
Title: "Clarification"
Description: "Asks back about a handover or referral, with a due date (HOV-1, E4)."
* insert Errand(clarification)
* insert Due
* focus 1..1
* focus only Reference(Task or ServiceRequest)
* requester 1..1
* owner 1..1
* description 1..1
* description ^short = "What is asked"

Profile: BatonFollowUpTask
Parent: Task
Id: baton-follow-up-task
Title: "Follow-up"
Description: "Asks for the first contact after a handover, discharge or step-down; an attempt does not complete it (TIM-3, E11)."
* insert Errand(follow-up)
* insert Due
* focus 1..1
* focus only Reference(CarePlan or Task or EpisodeOfCare or Encounter)
* owner 1..1
* insert TypedOutputs
* output contains firstContact 0..* and noContactRequired 0..1
* insert ContactOutputs
* obeys TIM-3

Profile: BatonEscalationTask
Parent: Task
Id: baton-escalation-task
Title: "Escalation"
Description: "Tells the next named level about something overdue (HOV-7)."
* insert Errand(escalation)
* focus 1..1
* focus only Reference(Task or CarePlan or ServiceRequest or Flag)
* owner 1..1
* insert TypedInputs
* input contains level 0..1
* input[level].type = $task-input#level
* input[level].value[x] only positiveInt or integer

Profile: BatonAgreePlanTask
Parent: Task
Id: baton-agree-plan-task
Title: "Agree plan"
Description: "Asks one agency to agree to one version of a joint plan, or of a pathway, which is about nobody; completed is agreed (E9, GOV-7)."
* insert Published
* intent = #order
* code 1..1
* code = $task-code#agree-plan
* for only Reference(Patient)
* authoredOn ^short = "When it was asked"
* insert Due
* focus 1..1
* focus only Reference(CarePlan or PlanDefinition)
* focus obeys E9.version
* owner 1..1
* owner only Reference(Organization or HealthcareService or PractitionerRole)
* insert TypedInputs
* input contains restsOn 0..*
* input[restsOn].type = $task-input#rests-on
* input[restsOn].value[x] only Reference
* obeys E9.reason and E9.person

Profile: BatonIdentityReviewTask
Parent: Task
Id: baton-identity-review-task
Title: "Identity review"
Description: "Asks the agency that keeps the Patient in `for` whether the Patient in `focus` is the same person (IDN-1)."
* insert Errand(identity-review)
* focus 1..1
* focus only Reference(Patient)
* owner 1..1
* owner only Reference(Organization)
* insert TypedInputs
* input contains registeredBy 0..1 and registeredAs 0..* and born 0..1
* input[registeredBy].type = $task-input#registered-by
* input[registeredBy].value[x] only Reference(Organization)
* input[registeredAs].type = $task-input#registered-as
* input[registeredAs].value[x] only HumanName
* input[born].type = $task-input#born
* input[born].value[x] only date
* insert TypedOutputs
* output contains decision 0..*
* output[decision].type = $task-output#decision
* output[decision].value[x] only CodeableConcept
* output[decision].valueCodeableConcept from IdentityDecisionValues (required)

Profile: BatonAbortTask
Parent: Task
Id: baton-abort-task
Title: "Abort"
Description: "Asks the owner of a handover in progress to stop it (HOV-1)."
* insert Errand(abort)
* focus 1..1
* focus only Reference(Task)
* requester 1..1
* owner 1..1
* reasonCode from StatusReasonValues (extensible)
* obeys HOV-1.why

Profile: BatonDataRequestTask
Parent: Task
Id: baton-data-request-task
Title: "Data request"
Description: "Asks another agency for what it keeps about a person; answered at once, or by a named person who approves (consent rules, section 4)."
* insert Errand(data-request)
* businessStatus from BusinessStatusValues (extensible)
* statusReason from StatusReasonValues (extensible)
* requester 1..1
* requester only Reference(PractitionerRole or Organization)
* owner 1..1
* owner only Reference(Organization or PractitionerRole)
* owner ^short = "Who keeps the records"
* restriction.period.end ^short = "Answer by"
* insert TypedInputs
* input contains recordType 0..* and recordCategory 0..* and recordPeriod 0..1 and purpose 0..* and sharingAuthority 0..1
* input[recordType].type = $task-input#record-type
* input[recordType].value[x] only code
* input[recordCategory].type = $task-input#record-category
* input[recordCategory].value[x] only code or Coding or CodeableConcept
* input[recordPeriod].type = $task-input#record-period
* input[recordPeriod].value[x] only Period
* input[purpose].type = $task-input#purpose
* input[purpose].value[x] only Coding
* input[purpose].valueCoding from $purpose-of-use (extensible)
* input[sharingAuthority].type = $task-input#sharing-authority
* input[sharingAuthority].value[x] only CodeableConcept
* input[sharingAuthority].valueCodeableConcept from LawfulBasisValues (required)
* input[sharingAuthority] obeys HOV-3
* insert TypedOutputs
* output contains disclosure 0..*
* output[disclosure].type = $task-output#disclosure
* output[disclosure].value[x] only Reference(Communication)
* obeys DIS.type and DIS.purpose and DIS.why and DIS.approver and HOV-1.reason
