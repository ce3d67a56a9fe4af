// Meetings: forums, their meetings and agendas, and what is decided there (E1, E7, E9, E13, MTG).

Alias: $communication-category = https://baton.example/fhir/CodeSystem/communication-category
Alias: $service-category = https://baton.example/fhir/CodeSystem/service-category

Extension: Forum
Id: forum
Title: "Forum"
Description: "The forum whose meeting, agenda or standing list this is (MTG-1)."
* ^context[+].type = #element
* ^context[=].expression = "Encounter"
* insert ExtensionOn(List)
* value[x] 1..1
* value[x] only Reference(HealthcareService)

Extension: Advisory
Id: advisory
Title: "Advisory"
Description: "Whether a meeting closed without the quorum of its forum: what it decided is advice. Written by the service only (MTG-2)."
* insert ExtensionOn(Encounter)
* value[x] 1..1
* value[x] only boolean

Extension: AddedBy
Id: added-by
Title: "Added by"
Description: "The agency that put an entry on an agenda. Written by the service only (MTG-1)."
* insert ExtensionOn(List.entry)
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: ForumKind
Id: forum-kind
Title: "Kind of forum"
Description: "Which kind of meeting a forum holds, or a list waits for (MTG-1)."
* ^context[+].type = #element
* ^context[=].expression = "HealthcareService"
* insert ExtensionOn(List)
* value[x] 1..1
* value[x] only CodeableConcept or code
* valueCodeableConcept from MeetingTypeValues (required)
* valueCode from MeetingTypeValues (required)

Extension: RequiredRole
Id: required-role
Title: "Required role"
Description: "A role, or a sector, without which a forum has no quorum (MTG-2)."
* insert ExtensionOn(HealthcareService)
* value[x] 1..1
* value[x] only CodeableConcept or code

Extension: Cadence
Id: cadence
Title: "Cadence"
Description: "How often a forum meets (MTG-1)."
* insert ExtensionOn(HealthcareService)
* value[x] 1..1
* value[x] only Timing
* valueTiming obeys MTG-1.cadence

Extension: Grace
Id: grace
Title: "Grace"
Description: "How much later than its cadence a forum may meet before that is listed (MTG-1)."
* insert ExtensionOn(HealthcareService)
* value[x] 1..1
* value[x] only Duration

Extension: DecisionMade
Id: decision
Title: "Decision"
Description: "What a meeting decided about an entry of its agenda (E1, E13)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only CodeableConcept or code
* valueCodeableConcept from DecisionValues (required)
* valueCode from DecisionValues (required)

Extension: PathwayVersion
Id: pathway-version
Title: "Version of the pathway"
Description: "The version of the pathway that a decision was taken under (MTG-4)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only canonical

Extension: Review
Id: review
Title: "Review"
Description: "When what was decided is looked at again, or the date to which it was deferred (E1, E13)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only date

Extension: Receiver
Id: receiver
Title: "Receiver"
Description: "The agency that a person is allocated to (TRI-1)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: Lead
Id: lead
Title: "Lead"
Description: "The lead that an allocation proposes; the receiver names it (TRI-1)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only Reference(PractitionerRole)

Extension: Proportionality
Id: proportionality
Title: "Proportionality"
Description: "Why a restrictive measure is proportionate (E13)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only string

Extension: MeasureDuration
Id: duration
Title: "Duration"
Description: "How long a restrictive measure lasts: a Duration, or words such as `14 days` (E13)."
* insert ExtensionOn(Communication)
* value[x] 1..1
* value[x] only Duration or string

RuleSet: Categorised(name, code)
* category 1..*
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains {name} 1..1
* category[{name}] = {code}

Profile: BatonForum
Parent: HealthcareService
Id: baton-forum
Title: "Forum"
Description: "A standing meeting: of which kind, how often, and who has to be there (MTG-1, MTG-2)."
* insert Published
* extension contains
    ForumKind named kind 1..1 and
    RequiredRole named requiredRole 0..* and
    Cadence named cadence 0..1 and
    Grace named grace 0..1
* insert Categorised(forum, $service-category#forum)
* providedBy 1..1
* providedBy only Reference(Organization)

Profile: BatonMeeting
Parent: Encounter
Id: baton-meeting
Title: "Meeting"
Description: "A meeting that decides about people, and names none of them: its agenda and its decisions do (MTG-1, E1, E7, E9, E13)."
* insert Published
* extension contains Forum named forum 0..1 and Advisory named advisory 0..1
* type 1..*
* type ^short = "One code of `meeting-type`"
* subject 0..0
* serviceProvider 1..1
* serviceProvider only Reference(Organization)
* participant 1..*
* participant.type ^short = "`chair`, `member`, `apologies` or `delegate` of `meeting-role`; beside it the required role that a delegate stands for"
* participant.individual 1..1
* participant.individual only Reference(PractitionerRole)
* participant.period ^short = "When the participant was there; none of who was not"
* obeys MTG-1.type and MTG-1.chair and MTG-2.chair

Profile: BatonAgenda
Parent: List
Id: baton-agenda
Title: "Agenda"
Description: "What a meeting decides about, each with the reason why it is there; without a meeting, what waits for the next one of a forum, which the service keeps (MTG-1, E1)."
* insert Published
* extension contains Forum named forum 0..1 and ForumKind named kind 0..1
* subject 0..0
* encounter only Reference(Encounter)
* encounter ^short = "The meeting, or else the extension `forum`"
* entry.extension contains AddedBy named addedBy 0..1
* entry.flag 1..1
* entry.flag from AgendaReasonValues (required)
* entry.flag ^short = "Why it is on the agenda"
* entry.item only Reference(ServiceRequest or CarePlan or EpisodeOfCare or Flag or RiskAssessment or Task)
* obeys MTG-1.agenda and E1.entry

Profile: BatonDecision
Parent: Communication
Id: baton-decision
Title: "Decision"
Description: "What was decided about one person and why, in a meeting or in a review without one; the minutes of a meeting are its decisions (E1, E13, MTG-4)."
* insert Published
* extension contains
    DecisionMade named decision 0..1 and
    PathwayVersion named pathwayVersion 0..1 and
    Review named review 0..1 and
    Receiver named receiver 0..1 and
    Lead named lead 0..1 and
    Proportionality named proportionality 0..1 and
    MeasureDuration named duration 0..1
* insert Categorised(decision, $communication-category#decision)
* subject 1..1
* subject only Reference(Patient)
* about 1..*
* about ^short = "The item of the agenda first"
* encounter ^short = "The meeting"
* sent 1..1
* sender 1..1
* sender only Reference(PractitionerRole)
* payload 1..*
* payload.content[x] only string
* payload.content[x] ^short = "Why it was decided so"
* obeys E1.decision and E1.deferred and E13.review and TRI-1.receiver and MTG-4.rationale

Profile: BatonConfirmRoleTask
Parent: Task
Id: baton-confirm-role-task
Title: "Confirm role"
Description: "Asks an agency to confirm its part in a person's plan; completed is confirmed (E7)."
* insert Errand(confirm-role)
* insert Due
* statusReason from StatusReasonValues (extensible)
* focus 1..1
* focus only Reference(CarePlan)
* encounter ^short = "The case review that gave the role"
* requester 1..1
* owner 1..1
* owner only Reference(Organization)
* insert TypedInputs
* input contains role 1..1
* input[role].type = $task-input#role
* input[role].value[x] only CodeableConcept
* input[role].valueCodeableConcept from PartnerRoleCodeValues (extensible)
* insert ReviewOutputs
* obeys E7.reason

Profile: BatonMergePlanTask
Parent: Task
Id: baton-merge-plan-task
Title: "Merge plan"
Description: "Asks the lead of one plan to take over what stands in a parallel one; completed, one plan is left (OWN-6, OUT-1)."
* insert Errand(merge-plan)
* statusReason from StatusReasonValues (extensible)
* focus 1..1
* focus only Reference(CarePlan)
* focus ^short = "The plan that is merged, and revoked then"
* requester 1..1
* requester only Reference(PractitionerRole)
* owner 1..1
* owner only Reference(Organization or PractitionerRole)
* insert TypedInputs
* input contains into 1..1 and endedGoal 0..*
* input[into].type = $task-input#into
* input[into].value[x] only Reference(CarePlan)
* input[endedGoal].type = $task-input#ended-goal
* input[endedGoal].value[x] only Reference(Goal)
* input[endedGoal].extension contains RecordStatusReason named reason 0..1
* input[endedGoal] obeys OUT-1.reason

Invariant: MTG-1.cadence
Description: "A cadence says how often: set `repeat.frequency`, `repeat.period` and `repeat.periodUnit`."
Severity: #error
Expression: "repeat.frequency.exists() and repeat.period.exists() and repeat.periodUnit.exists()"

Invariant: MTG-1.type
Description: "A meeting is of one kind: give one coding of `meeting-type` in `type`."
Severity: #error
Expression: "type.coding.where(system = 'https://baton.example/fhir/CodeSystem/meeting-type').count() = 1"

Invariant: MTG-1.chair
Description: "A meeting has one chair: give one participant the type `chair` of `meeting-role`."
Severity: #error
Expression: "participant.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/meeting-role' and code = 'chair').exists()).count() = 1"

Invariant: MTG-1.agenda
Description: "An agenda is of a meeting, or of a forum: set `encounter`, or the extension `forum`."
Severity: #error
Expression: "encounter.exists() or extension('https://baton.example/fhir/StructureDefinition/forum').exists() or extension('https://baton.example/fhir/StructureDefinition/forum-kind').exists()"

Invariant: MTG-2.chair
Description: "A meeting that is finished had its chair there: set `period.start` of the participant of type `chair`."
Severity: #error
Expression: "status != 'finished' or participant.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/meeting-role' and code = 'chair').exists()).period.start.exists()"

Invariant: MTG-4.rationale
Description: "A decision says why: write it as `contentString` of `payload`."
Severity: #error
Expression: "payload.content.ofType(string).all(matches('[^\\\\s\\\\u00a0\\\\u200b]'))"

Invariant: E1.entry
Description: "One thing is decided once in a meeting: list each item once."
Severity: #error
Expression: "entry.item.reference.isDistinct()"

Invariant: E1.decision
Description: "A meeting's decision says what was decided: set the extension `decision`."
Severity: #error
Expression: "encounter.empty() or extension('https://baton.example/fhir/StructureDefinition/decision').exists()"

Invariant: E1.deferred
Description: "What is deferred is decided on a date: set the extension `review`."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/decision').where(value.coding.where(system = 'https://baton.example/fhir/CodeSystem/decision' and code = 'deferred').exists() or value.ofType(code) = 'deferred').empty() or extension('https://baton.example/fhir/StructureDefinition/review').exists()"

Invariant: E13.review
Description: "Where nothing is done, it is looked at again on a date: set the extension `review`."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/decision').where(value.coding.where(system = 'https://baton.example/fhir/CodeSystem/decision' and code = 'no-action').exists() or value.ofType(code) = 'no-action').empty() or extension('https://baton.example/fhir/StructureDefinition/review').exists()"

Invariant: TRI-1.receiver
Description: "A person is allocated to an agency: set the extension `receiver`."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/decision').where(value.coding.where(system = 'https://baton.example/fhir/CodeSystem/decision' and code = 'allocated').exists() or value.ofType(code) = 'allocated').empty() or extension('https://baton.example/fhir/StructureDefinition/receiver').exists()"

Invariant: E7.reason
Description: "An agency that does not confirm its role says why: set `statusReason` to `does-not-confirm` of `status-reason`, with a text or the output `rationale`."
Severity: #error
Expression: "status != 'rejected' or (statusReason.coding.where(system = 'https://baton.example/fhir/CodeSystem/status-reason' and code = 'does-not-confirm').exists() and (statusReason.text | output.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-output' and code = 'rationale').exists()).value.ofType(string)).where(matches('[^\\\\s\\\\u00a0\\\\u200b]')).exists())"

Invariant: OUT-1.reason
Description: "No goal is lost without a reason: say in the extension `status-reason` why it ends."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/status-reason').exists()"
