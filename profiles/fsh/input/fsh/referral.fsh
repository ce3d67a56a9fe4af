Extension: SharingAuthority
Id: sharing-authority
Title: "Authority to share"
Description: "On what authority a request is shared with the agency that it goes to, where consent alone does not decide (HOV-3)."
* insert ExtensionOn(ServiceRequest)
* value[x] 1..1
* value[x] only Reference(Consent) or CodeableConcept
* valueCodeableConcept from LawfulBasisValues (required)

Extension: GoalsBy
Id: goals-by
Title: "Goals by"
Description: "The date by which the goals of a plan are agreed (OUT-1)."
* insert ExtensionOn(CarePlan)
* value[x] 1..1
* value[x] only date

Extension: ReassessmentReason
Id: reassessment-reason
Title: "Reason of a reassessment"
Description: "Why a person is assessed again so soon after another agency did (ASM-1)."
* insert ExtensionOn(QuestionnaireResponse)
* value[x] 1..1
* value[x] only CodeableConcept

Profile: BatonReferral
Parent: ServiceRequest
Id: baton-referral
Title: "Referral"
Description: "Asks a front door to take a person on (E4)."
* insert Published
* extension contains SharingAuthority named sharingAuthority 0..1
* intent = #order
* category 1..*
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains referral 1..1
* category[referral] = $request-category#referral
* subject only Reference(Patient)
* requester 1..1
* requester only Reference(PractitionerRole)
* performer 1..1
* performer only Reference(Organization or HealthcareService)
* performer ^short = "The front door"
* supportingInfo 1..*
* supportingInfo ^short = "One response to the dataset `referral`; more as it is completed"

Profile: BatonTriageTask
Parent: Task
Id: baton-triage-task
Title: "Triage"
Description: "Asks a front door to decide about a referral (E4, TIM-14)."
* insert Errand(triage)
* businessStatus from BusinessStatusValues (extensible)
* basedOn only Reference(ServiceRequest)
* basedOn ^short = "An earlier referral for the same need"
* focus 1..1
* focus only Reference(ServiceRequest)
* requester 1..1
* owner 1..1
* insert Due
* insert TypedInputs
* input contains minimumDataset 1..1 and sharingAuthority 0..1 and pathway 0..1
* input[minimumDataset].type = $task-input#minimum-dataset
* input[minimumDataset].value[x] only Reference(QuestionnaireResponse)
* input[sharingAuthority].type = $task-input#sharing-authority
* input[sharingAuthority].value[x] only Reference(Consent) or CodeableConcept
* input[pathway].type = $task-input#pathway
* input[pathway].value[x] only canonical
* insert TypedOutputs
* insert DecisionOutputs
* output contains suggestion 0..1
* output[suggestion].type = $task-output#suggestion
* output[suggestion].value[x] only CodeableConcept
* output[suggestion].valueCodeableConcept from TriageOutcomeValues (extensible)

RuleSet: DecisionOutputs
* output contains decision 0..1 and threshold 0..1 and rationale 0..1 and receiver 0..1 and redirect 0..1 and decidedBy 0..1
* output[decision].type = $task-output#decision
* output[decision].value[x] only CodeableConcept
* output[decision].valueCodeableConcept from DecisionValues (required)
* output[threshold].type = $task-output#threshold
* output[threshold].value[x] only CodeableConcept
* output[threshold].valueCodeableConcept from TriageOutcomeValues (required)
* output[rationale].type = $task-output#rationale
* output[rationale].value[x] only string
* output[receiver].type = $task-output#receiver
* output[receiver].value[x] only Reference(Organization)
* output[redirect].type = $task-output#redirect
* output[redirect].value[x] only Reference(QuestionnaireResponse)
* output[decidedBy].type = $task-output#decided-by
* output[decidedBy].value[x] only Reference(PractitionerRole)

Profile: BatonApproveTask
Parent: Task
Id: baton-approve-task
Title: "Approval"
Description: "Asks the senior of a front door to approve a borderline decision (E4)."
* insert Errand(approve)
* focus 1..1
* focus only Reference(Task)
* requester 1..1
* owner 1..1
* owner only Reference(PractitionerRole)
* insert Due

Profile: BatonAllocationTask
Parent: Task
Id: baton-allocation-task
Title: "Allocation"
Description: "Asks an agency to take a person on and to name the lead (TRI-1)."
* insert Errand(allocation)
* focus 1..1
* focus only Reference(ServiceRequest)
* requester 1..1
* owner 1..1
* owner only Reference(Organization or PractitionerRole)
* insert Due
* insert TypedOutputs
* output contains lead 0..1 and goal 0..* and goalsBy 0..1
* output[lead].type = $task-output#lead
* output[lead].value[x] only Reference(PractitionerRole)
* output[goal].type = $task-output#goal
* output[goal].value[x] only Reference(Goal)
* output[goalsBy].type = $task-output#goals-by
* output[goalsBy].value[x] only date
