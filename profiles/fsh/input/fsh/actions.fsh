Profile: BatonActionTask
Parent: Task
Id: baton-action-task
Title: "Action"
Description: "What somebody does by a date because a decision asked for it; it comes with the decision, in one transaction (TIM-11). What it lacks is refused by the service, all at once."
* insert Errand(action)
* statusReason from StatusReasonValues (extensible)
* partOf only Reference(Task)
* partOf ^short = "The Task that decides, or else `encounter`"
* encounter ^short = "The meeting that decides, or else `partOf`"
* description ^short = "What is to be done"
* requester 1..1
* owner only Reference(Organization or HealthcareService or PractitionerRole)
* owner ^short = "Who does it; needed"
* restriction.period.end ^short = "Due; needed"
* obeys HOV-1.reason

Profile: BatonContactAttempt
Parent: Communication
Id: baton-contact-attempt
Title: "Contact attempt"
Description: "An attempt to reach a person: not done, with its reason, is a failed attempt; completed, it is a contact (E11). By which medium, and why by another than the person asked for, is said (EQU-2)."
* insert Published
* category 1..*
* category ^short = "`contact-attempt` of `communication-category`"
* subject 1..1
* subject only Reference(Patient)
* medium 1..*
* medium ^short = "How it was tried: of v3-ParticipationMode where coded"
* reasonCode ^short = "Why by this medium, where the person asked for another"
* sent 1..1
* sender 1..1
* obeys E11

Invariant: E11
Description: "An attempt that failed says why: set `status` to `not-done` with a `statusReason`, or to `completed` if it was a contact."
Severity: #error
Expression: "status = 'entered-in-error' or status = 'completed' or (status = 'not-done' and statusReason.exists())"

Extension: RecordStatusReason
Id: status-reason
Title: "Reason of the status"
Description: "Why a record has its status, where R4 has no element for it, and why a goal ends that a merge names (OUT-1). Non-engagement alone is no reason of an end (DNA-1)."
* ^context[+].type = #element
* ^context[=].expression = "Task.input"
* ^context[+].type = #element
* ^context[=].expression = "ServiceRequest"
* ^context[+].type = #element
* ^context[=].expression = "EpisodeOfCare"
* insert ExtensionOn(CarePlan)
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from StatusReasonValues (extensible)

Extension: Engagement
Id: engagement
Title: "How the person is met"
Description: "Reasonable adjustments and preferred engagement of the person that a Task is about, from the newest dataset that both its agencies may see. Written by the service only, and shown to who may read that dataset (EQU-2)."
* insert ExtensionOn(Task)
* extension contains
    reasonable-adjustments 0..* and
    preferred-engagement 0..* and
    source 1..1
* extension[reasonable-adjustments] ^short = "What the person needs to be met"
* extension[reasonable-adjustments].value[x] 1..1
* extension[reasonable-adjustments].value[x] only CodeableConcept or string
* extension[preferred-engagement] ^short = "How the person asked to be met"
* extension[preferred-engagement].value[x] 1..1
* extension[preferred-engagement].value[x] only CodeableConcept or string
* extension[source] ^short = "The dataset that says so"
* extension[source].value[x] 1..1
* extension[source].value[x] only Reference(QuestionnaireResponse)

Instance: Task-worklist
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Task, worklist, TaskWorklist, reference, [[Task.owner.resolve().organization | Task.requester.resolve().organization]])
* description = "The agencies that an open Task waits for or is watched by: its owner's, once it was sent, and its requester's. With `_sort=due` it is an agency's worklist. Its keys come with the write, because only the records of owner and requester can tell them."
* target = #Organization
