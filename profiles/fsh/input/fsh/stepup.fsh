// Step-up: escalations and what follows from them (E5, E10, ESC, EWS).

Alias: $request-category = https://baton.example/fhir/CodeSystem/request-category

CodeSystem: FlagCategory
Id: flag-category
Title: "Kinds of flag"
Description: "What a Flag warns of."
* insert Codes
* #SG "Safeguarding" "A safeguarding concern (E3)."
* #RA "Reasonable adjustments" "Adjustments that the person needs (EQU-2)."
* #risk "Risk" "A risk that staff have to know of."

ValueSet: FlagCategoryValues
Id: flag-category
Title: "Kinds of flag"
Description: "Every code of the code system flag-category."
* insert Published
* include codes from system FlagCategory

CodeSystem: CrisisPlanAnswer
Id: crisis-plan
Title: "What became of the crisis plan"
Description: "The answer to whether the crisis plan was changed, where it was not (E10)."
* insert Codes
* #no-change "No change" "The crisis plan stands as it is, for the reason in the text."

ValueSet: CrisisPlanAnswerValues
Id: crisis-plan
Title: "What became of the crisis plan"
Description: "Every code of the code system crisis-plan."
* insert Published
* include codes from system CrisisPlanAnswer

Extension: TriggersMet
Id: triggers-met
Title: "Triggers met"
Description: "A trigger of the step-up pathway that the sender of an escalation sees met (ESC-2)."
* insert ExtensionOn(ServiceRequest)
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept.coding 1..*

Extension: EarlyWarningSign
Id: early-warning-sign
Title: "Early-warning sign"
Description: "A sign that the person is becoming unwell. Reported as an Observation it opens a structured review (EWS-1)."
* insert ExtensionOn(CarePlan)
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept.coding 1..*

Profile: BatonEscalation
Parent: ServiceRequest
Id: baton-escalation
Title: "Escalation"
Description: "Asks a clinician to step a person's support up, in four answers (E5)."
* insert Published
* extension contains SharingAuthority named sharingAuthority 0..1 and TriggersMet named triggersMet 0..*
* intent = #order
* category 1..*
* priority 1..1
* subject only Reference(Patient)
* authoredOn 1..1
* requester 1..1
* requester only Reference(PractitionerRole)
* performer 1..1
* performer only Reference(PractitionerRole or HealthcareService or Organization)
* supportingInfo ^short = "One response to the dataset `escalation`, and what else bears on it"

Profile: BatonContactPlan
Parent: ServiceRequest
Id: baton-contact-plan
Title: "Contact plan"
Description: "More contacts for a time: how often, and until when. It ends by itself (E10)."
* insert Published
* intent = #order
* category 1..*
* subject only Reference(Patient)
* performer 1..*
* occurrence[x] 1..1
* occurrence[x] only Timing
* occurrenceTiming.repeat 1..1
* occurrenceTiming.repeat.bounds[x] 1..1
* occurrenceTiming.repeat.bounds[x] only Period
* occurrenceTiming.repeat.boundsPeriod.end 1..1

Profile: BatonEscalationReviewTask
Parent: Task
Id: baton-escalation-review-task
Title: "Escalation review"
Description: "Asks a clinician to decide on an escalation, with threshold and rationale (E5, E10)."
* insert Errand(escalation-review)
* insert Due
* statusReason from StatusReasonValues (extensible)
* businessStatus from BusinessStatusValues (extensible)
* focus 1..1
* focus only Reference(ServiceRequest)
* requester 1..1
* requester only Reference(PractitionerRole)
* owner 1..1
* owner only Reference(PractitionerRole or HealthcareService or Organization)
* insert TypedInputs
* input contains minimumDataset 1..1 and sharingAuthority 0..1
* input[minimumDataset].type = $task-input#minimum-dataset
* input[minimumDataset].value[x] only Reference(QuestionnaireResponse)
* input[sharingAuthority].type = $task-input#sharing-authority
* input[sharingAuthority].value[x] only Reference(Consent) or CodeableConcept
* insert TypedOutputs
* output contains threshold 0..1 and rationale 0..1 and decidedBy 0..1 and guidance 0..1 and contactCadence 0..1 and outOfHours 0..1 and mdtReview 0..1 and crisisPlan 0..1
* output[threshold].type = $task-output#threshold
* output[threshold].value[x] only CodeableConcept
* output[threshold].valueCodeableConcept from EscalationThresholdValues (required)
* output[rationale].type = $task-output#rationale
* output[rationale].value[x] only string
* output[decidedBy].type = $task-output#decided-by
* output[decidedBy].value[x] only Reference(PractitionerRole)
* output[guidance].type = $task-output#guidance
* output[guidance].value[x] only string
* output[contactCadence].type = $task-output#contact-cadence
* output[contactCadence].value[x] only Timing
* output[outOfHours].type = $task-output#out-of-hours
* output[outOfHours].value[x] only string
* output[mdtReview].type = $task-output#mdt-review
* output[mdtReview].value[x] only date
* output[crisisPlan].type = $task-output#crisis-plan
* output[crisisPlan].value[x] only Reference(CarePlan) or CodeableConcept

RuleSet: ReviewOutputs
* insert TypedOutputs
* output contains rationale 0..1
* output[rationale].type = $task-output#rationale
* output[rationale].value[x] only string

Profile: BatonBriefReviewTask
Parent: Task
Id: baton-brief-review-task
Title: "Brief review"
Description: "Looks at a step-up within 72 hours of its acceptance (E10, TIM-6)."
* insert Errand(brief-review)
* insert Due
* focus 1..1
* focus only Reference(Task)
* owner 1..1
* insert ReviewOutputs

Profile: BatonDecisionReviewTask
Parent: Task
Id: baton-decision-review-task
Title: "Decision review"
Description: "Looks at a decision on an escalation in the next supervision or meeting, within 7 days (ESC-3)."
* insert Errand(decision-review)
* insert Due
* focus 1..1
* focus only Reference(Task)
* owner 1..1
* insert ReviewOutputs

Profile: BatonStructuredReviewTask
Parent: Task
Id: baton-structured-review-task
Title: "Structured review"
Description: "Asks the agency that leads a plan to look at the person, because a sign of the plan was noticed (EWS-1)."
* insert Errand(structured-review)
* insert Due
* focus 1..1
* focus only Reference(CarePlan)
* owner 1..1
* insert ReviewOutputs
