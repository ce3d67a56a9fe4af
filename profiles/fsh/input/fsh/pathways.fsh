// Pathways (GOV-3): the rules of each practice as data. A threshold reads answers and the request, never who the person is.

Alias: $triage-outcome = https://baton.example/fhir/CodeSystem/triage-outcome
Alias: $pathway-part = https://baton.example/fhir/CodeSystem/pathway-part
Alias: $deadline-priority = https://baton.example/fhir/CodeSystem/deadline-priority
Alias: $rule = https://baton.example/fhir/CodeSystem/rule

CodeSystem: PathwayPart
Id: pathway-part
Title: "Parts of a pathway"
Description: "The counts, cadences and routes that a pathway says, besides its thresholds and deadlines (GOV-3)."
* insert Codes
* #escalation-route "Escalation route" "Whom an escalation reaches, and at which hours of the week (ESC-1)."
* #failed-attempts "Failed attempts" "How many failed attempts ask for a welfare check (E11)."
* #missed-contacts "Missed contacts" "How many contacts may be missed before a structured review (EWS-1)."
* #concerns "Concerns" "How many concerns put a person on the risk forum's agenda (SFG-3)."
* #concern-agencies "Agencies with a concern" "Concerns of how many agencies do so (SFG-3)."
* #concern-days "Days that a concern counts" "For how many days a concern counts (SFG-3)."
* #taper-steps "Taper steps" "The fewest steps of a taper (TAP-1)."
* #taper-weeks "Taper weeks" "The fewest weeks of a taper (TAP-1)."
* #taper-frequency "Taper frequency" "How often the person is met when a taper starts (TAP-1)."
* #first-week-contacts "Contacts in the first week" "How many contacts are completed in the first seven days (TAP-2)."
* #meeting-cadence "Meeting cadence" "How often the meeting takes place (MTG-1)."
* #multi-agency-cadence "Multi-agency cadence" "How often the meeting of all agencies takes place (E13)."
* #same-need-days "Same need" "Within how many days a second referral is linked to the first (E4)."
* #assessment-days "Recent assessment" "For how many days an assessment of another agency is named (ASM-1)."
* #goals-days "Goals" "Within how many days goals are agreed (OUT-1)."
* #decision-review-days "Decision review" "Within how many days a decision about an escalation is looked at (ESC-3)."
* #joint-review-days "Joint review" "By which day the agencies review together (E14)."
* #readmission-days "Readmission" "Within how many days a readmission is looked at (GOV-11)."
* #after-action-hours "After-action review" "Within how many hours the use of a crisis plan is reviewed (CRP-3)."

ValueSet: PathwayPartValues
Id: pathway-part
Title: "Parts of a pathway"
Description: "Every code of the code system pathway-part."
* insert Published
* include codes from system PathwayPart

CodeSystem: DeadlinePriority
Id: deadline-priority
Title: "Priority of a deadline"
Description: "The priority for which a pathway says a deadline's span: R4's request priorities, and the service's own word for a crisis."
* insert Codes
* #stat "Stat" "At once."
* #asap "ASAP" "As soon as possible."
* #urgent "Urgent" "Before routine work."
* #routine "Routine" "In the order of routine work."
* #crisis "Crisis" "Any priority above routine, for a deadline that knows no other."

ValueSet: DeadlinePriorityValues
Id: deadline-priority
Title: "Priority of a deadline"
Description: "Every code of the code system deadline-priority."
* insert Published
* include codes from system DeadlinePriority

Extension: InForce
Id: in-force
Title: "In force"
Description: "Since when this version of a pathway is in force. Written by the service only (GOV-7)."
* insert ExtensionOn(PlanDefinition)
* value[x] 1..1
* value[x] only dateTime

Extension: PathwayCount
Id: pathway-count
Title: "Count"
Description: "The number that a pathway says, on the input of one of its actions (GOV-3)."
* insert ExtensionOn(PlanDefinition.action.input)
* value[x] 1..1
* value[x] only positiveInt

Extension: PathwayRoute
Id: pathway-route
Title: "Escalation route"
Description: "Whom an escalation reaches: a service, a role or an agency; without `to`, the duty contact of the agency that is asked. Each `available` is a stretch of hours on the days it names; without any, those of the service count. An end that is not after its start is on the next day (ESC-1)."
* insert ExtensionOn(PlanDefinition.action)
* extension contains
    to 0..1 and
    available 0..*
* extension[to] ^short = "Whom an escalation reaches"
* extension[to].value[x] 1..1
* extension[to].value[x] only Reference(HealthcareService or PractitionerRole or Organization)
* extension[available] ^short = "At which hours of the week"
* extension[available].extension contains
    daysOfWeek 0..7 and
    allDay 0..1 and
    availableStartTime 0..1 and
    availableEndTime 0..1
* extension[available].extension[daysOfWeek].value[x] 1..1
* extension[available].extension[daysOfWeek].value[x] only code
* extension[available].extension[daysOfWeek].valueCode from http://hl7.org/fhir/ValueSet/days-of-week (required)
* extension[available].extension[allDay].value[x] 1..1
* extension[available].extension[allDay].value[x] only boolean
* extension[available].extension[availableStartTime].value[x] 1..1
* extension[available].extension[availableStartTime].value[x] only time
* extension[available].extension[availableEndTime].value[x] 1..1
* extension[available].extension[availableEndTime].value[x] only time

Profile: BatonPathway
Parent: PlanDefinition
Id: baton-pathway
Title: "Pathway"
Description: "The rules of a practice as data: thresholds in order, deadlines, counts, cadences and routes (GOV-3, GOV-7, GOV-8). `version` is new with every publication."
* insert Published
* extension contains InForce named inForce 0..1
* url 1..1
* version 1..1
* title 1..1
* approvalDate 1..1
* lastReviewDate 1..1
* effectivePeriod 1..1
* effectivePeriod.end 1..1
* effectivePeriod.end ^short = "When it is reviewed at the latest (GOV-8)"
* action.extension contains PathwayRoute named route 0..1
* action.code ^short = "A triage outcome, a TIM id, or a part of the pathway"
* action.condition.expression.language = #text/fhirpath
* action.input.extension contains PathwayCount named count 0..1

RuleSet: PathwayOf(name, title, dataset)
* url = "https://baton.example/fhir/PlanDefinition/pathway-{name}"
* extension[inForce].valueDateTime = "2026-10-01"
* version = "0.1.0"
* name = "Pathway{title}"
* status = #active
* experimental = false
* publisher = "Baton"
* copyright = "Apache-2.0, Baton"
* approvalDate = "2026-10-01"
* lastReviewDate = "2026-10-01"
* effectivePeriod.start = "2026-10-01"
* effectivePeriod.end = "2027-09-30"
* relatedArtifact.type = #depends-on
* relatedArtifact.resource = "https://baton.example/fhir/Questionnaire/mds-{dataset}"

RuleSet: Threshold(code, text, expression)
* action[+].title = "{text}"
* action[=].code = $triage-outcome#{code}
* action[=].condition.kind = #applicability
* action[=].condition.expression.language = #text/fhirpath
* action[=].condition.expression.expression = "{expression}"

RuleSet: Deadline(rule, priority, text, span)
* action[+].title = "{text}"
* action[=].code = $rule#{rule}
* action[=].priority = #{priority}
* action[=].timingDuration = {span}

RuleSet: Count(code, number, text)
* action[+].title = "{text}"
* action[=].code = $pathway-part#{code}
* action[=].input.type = #integer
* action[=].input.extension[count].valuePositiveInt = {number}

RuleSet: Cadence(code, frequency, period, unit, text)
* action[+].title = "{text}"
* action[=].code = $pathway-part#{code}
* action[=].timingTiming.repeat.frequency = {frequency}
* action[=].timingTiming.repeat.period = {period}
* action[=].timingTiming.repeat.periodUnit = #{unit}

RuleSet: Route(text)
* action[+].title = "{text}"
* action[=].code = $pathway-part#escalation-route

RuleSet: RouteDay(day)
* action[=].extension[route].extension[available].extension[daysOfWeek][+].valueCode = #{day}

RuleSet: RouteHours(start, end)
* action[=].extension[route].extension[available].extension[availableStartTime].valueTime = "{start}"
* action[=].extension[route].extension[available].extension[availableEndTime].valueTime = "{end}"

RuleSet: RouteAllDay
* action[=].extension[route].extension[available].extension[allDay].valueBoolean = true

Instance: pathway-front-door
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(front-door, FrontDoor, referral)
* title = "Front door: referral and triage"
* description = "What triage suggests for a referral, what must happen by when, and what counts as the same need (E4). A suggestion: the decision is a person's, and one unlike it is sampled (GOV-1)."
* insert Threshold(urgent, [[Intent, plan, means or a recent attempt: the person is seen today, whatever else is missing.]], [[%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(plan|plans|planning|intent|intends|means)[a-z ]{0,20}(to die|to end|to kill|to harm|of suicide|end (his|her|their) life)|attempted suicide|took an overdose|weapon')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('304594002' | '82313006')) or %request.priority = 'stat']])
* insert Threshold(urgent, [[Thoughts of ending life, and a crisis service was needed lately: a contact today is safer than a place on a list.]], [[(%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) and %dataset.item.where(linkId = 'recent-crisis-contacts').answer.value.ofType(string).exists(matches('(?i)emergency department|a&e|999|ambulance|police|section 136|crisis (line|team)'))]])
* insert Threshold(urgent, [[Somebody threatens, exploits or harms the person now: safeguarding acts today.]], [[%dataset.item.where(linkId = 'safeguarding-flags').answer.value.ofType(string).exists(matches('(?i)not safe|unsafe|immediate|threat|assault|violen|exploit|cuckoo|traffick'))]])
* insert Threshold(eligible, [[A mental health need that keeps the person from everyday life: the community services are there for it.]], [[%dataset.item.where(linkId = 'presenting-need').answer.value.ofType(string).exists(matches('(?i)mood|depress|anxi|panic|voices|psychos|paranoi|mania|manic|trauma|self-harm|suicid|obsess')) and %dataset.item.where(linkId = 'functional-impact').answer.value.ofType(string).exists(matches('(?i)not (cooking|washing|eating|working|sleeping|leaving|coping)|unable|cannot|stopped|neglect|isolat|lost (the |a )?(job|work|tenancy|home)'))]])
* insert Threshold(borderline, [[A mental health need without effect on everyday life, or the effect without the need: a senior looks, so that nobody is turned away on one line.]], [[%dataset.item.where(linkId = 'presenting-need').answer.value.ofType(string).exists(matches('(?i)mood|depress|anxi|panic|voices|psychos|paranoi|mania|manic|trauma|self-harm|suicid|obsess')) xor %dataset.item.where(linkId = 'functional-impact').answer.value.ofType(string).exists(matches('(?i)not (cooking|washing|eating|working|sleeping|leaving|coping)|unable|cannot|stopped|neglect|isolat|lost (the |a )?(job|work|tenancy|home)'))]])
* insert Threshold(borderline, [[The risks are not known, or there is a safeguarding concern: a senior looks before anybody is redirected.]], [[%dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code = 'not-known') or (%dataset.item.where(linkId = 'safeguarding-flags').answer.exists() and (%dataset.item.where(linkId = 'safeguarding-flags').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[Asked for is help with housing, money or work, and no risk and no concern were found: another service is better placed.]], [[%dataset.item.where(linkId = 'presenting-need').answer.value.ofType(string).exists(matches('(?i)housing|tenan|repair|benefit|debt|rent|employment|form')) and %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'safeguarding-flags').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-14, urgent, Triage of an urgent referral, [[4 'h' "h"]])
* insert Deadline(TIM-14, routine, Triage of a referral, [[1 '{working-day}' "working day"]])
* insert Deadline(TIM-15, routine, Answer to a clarification, [[1 '{working-day}' "working day"]])
* insert Count(same-need-days, 30, [[A second referral within so many days is linked to the first]])
* insert Count(assessment-days, 30, [[An assessment of another agency is named for so many days (ASM-1)]])
* insert Count(goals-days, 14, [[Goals are agreed within so many days of acceptance (OUT-1)]])

Instance: pathway-step-up
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(step-up, StepUp, escalation)
* title = "Step-up: escalation and brief review"
* description = "When an escalation meets the threshold, whom it reaches at which hour (ESC-1), and by when it is reviewed (E5, E10)."
* insert Threshold(urgent, [[Intent, plan, means or a recent attempt: a clinician reviews at once.]], [[%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(plan|plans|planning|intent|intends|means)[a-z ]{0,20}(to die|to end|to kill|to harm|of suicide|end (his|her|their) life)|attempted suicide|took an overdose|weapon')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('304594002' | '82313006')) or %request.priority in ('stat' | 'asap')]])
* insert Threshold(urgent, [[The person is changing and has thoughts of ending life or of harm: the two together are a crisis.]], [[%dataset.item.where(linkId = 'what-has-changed').answer.value.ofType(string).exists(matches('(?i)stopped (eating|sleeping|taking)|voices|not (eating|sleeping)|missing|paranoi|agitat|withdrawn')) and (%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004')))]])
* insert Threshold(eligible, [[The person is changing, and what was tried had no effect: support is stepped up.]], [[%dataset.item.where(linkId = 'what-has-changed').answer.value.ofType(string).exists(matches('(?i)stopped (eating|sleeping|taking)|voices|not (eating|sleeping)|missing|paranoi|agitat|withdrawn')) and (%dataset.item.where(linkId = 'what-has-been-tried').answer.exists() and (%dataset.item.where(linkId = 'what-has-been-tried').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(borderline, [[A change is described that no sign names, or nothing was tried, or nothing protects: a senior decides.]], [[(%dataset.item.where(linkId = 'what-has-changed').answer.exists() and (%dataset.item.where(linkId = 'what-has-changed').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and ((%dataset.item.where(linkId = 'what-has-changed').answer.value.ofType(string).exists(matches('(?i)stopped (eating|sleeping|taking)|voices|not (eating|sleeping)|missing|paranoi|agitat|withdrawn'))).not() or %dataset.item.where(linkId = 'what-has-been-tried').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) or %dataset.item.where(linkId = 'protective-factors').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')))]])
* insert Threshold(outside-scope, [[Nothing has changed and no risk is seen: guidance, and when to come back.]], [[%dataset.item.where(linkId = 'what-has-changed').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-5, stat, Clinician review at once, [[1 'h' "h"]])
* insert Deadline(TIM-5, asap, Clinician review as soon as possible, [[4 'h' "h"]])
* insert Deadline(TIM-6, routine, Brief review after acceptance, [[72 'h' "h"]])
* insert Count(missed-contacts, 2, [[More missed contacts than this open a structured review (EWS-1)]])
* insert Count(decision-review-days, 7, [[Every decision is looked at within so many days (ESC-3)]])
* insert Route([[In working hours, the clinician whom the escalation names, else the duty contact of the agency asked]])
* insert RouteDay(mon)
* insert RouteDay(tue)
* insert RouteDay(wed)
* insert RouteDay(thu)
* insert RouteDay(fri)
* insert RouteHours([[09:00:00]], [[17:00:00]])
* insert Route([[At night, the duty contact of the agency asked]])
* insert RouteDay(mon)
* insert RouteDay(tue)
* insert RouteDay(wed)
* insert RouteDay(thu)
* insert RouteDay(fri)
* insert RouteDay(sat)
* insert RouteDay(sun)
* insert RouteHours([[17:00:00]], [[09:00:00]])
* insert Route([[At weekends, the duty contact of the agency asked]])
* insert RouteDay(sat)
* insert RouteDay(sun)
* insert RouteAllDay

Instance: pathway-discharge
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(discharge, Discharge, discharge)
* title = "Discharge from hospital or crisis team"
* description = "Whether a discharge can go ahead, what must be ready, and the first contacts after it (E2, E11, E14)."
* insert Threshold(urgent, [[High risk after discharge: a planning meeting, and all four arrangements, come first (DIS-PL).]], [[(%dataset.item.where(linkId = 'risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) or %dataset.item.where(linkId = 'risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(plan|plans|planning|intent|intends|means)[a-z ]{0,20}(to die|to end|to kill|to harm|of suicide|end (his|her|their) life)|attempted suicide|took an overdose|weapon')) or %dataset.item.where(linkId = 'risks').answer.value.ofType(Coding).exists(code in ('304594002' | '82313006')) or %dataset.item.where(linkId = 'risks').answer.value.ofType(string).exists(matches('(?i)relapse|violen|overdose'))]])
* insert Threshold(borderline, [[Housing, money or medicines are not arranged: a named clinician accepts the rest, or the discharge waits (E14).]], [[%dataset.item.where(linkId = 'housing-readiness').answer.value.ofType(string).exists(matches('(?i)not ready|not yet|no fixed|homeless|awaiting|pending|sofa|not arranged|no supply')) or %dataset.item.where(linkId = 'benefit-status').answer.value.ofType(string).exists(matches('(?i)not ready|not yet|no fixed|homeless|awaiting|pending|sofa|not arranged|no supply')) or %dataset.item.where(linkId = 'medication-arrangements').answer.value.ofType(string).exists(matches('(?i)not ready|not yet|no fixed|homeless|awaiting|pending|sofa|not arranged|no supply')) or %dataset.item.where(linkId = 'housing-readiness').answer.value.ofType(Coding).exists(code in ('none' | 'not-known')) or %dataset.item.where(linkId = 'community-lead').answer.value.ofType(Coding).exists(code in ('none' | 'not-known'))]])
* insert Threshold(eligible, [[Housing, medicines, a community lead and dated follow-up are there: the handover can be sent.]], [[(%dataset.item.where(linkId = 'housing-readiness').answer.exists() and (%dataset.item.where(linkId = 'housing-readiness').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'medication-arrangements').answer.exists() and (%dataset.item.where(linkId = 'medication-arrangements').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'community-lead').answer.exists() and (%dataset.item.where(linkId = 'community-lead').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'follow-up-timings').answer.exists() and (%dataset.item.where(linkId = 'follow-up-timings').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[No risk is seen and no follow-up is needed: primary care follows up.]], [[%dataset.item.where(linkId = 'risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'follow-up-requirements').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-3, routine, First contact after discharge, [[48 'h' "h"]])
* insert Deadline(TIM-4, routine, Contact after an inpatient stay, [[72 'h' "h"]])
* insert Count(failed-attempts, 3, [[So many failed attempts ask for a welfare check (E11)]])
* insert Count(joint-review-days, 7, [[Joint review by this day (E14)]])
* insert Count(readmission-days, 30, [[A readmission within so many days is looked at (GOV-11)]])

Instance: pathway-step-down
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(step-down, StepDown, discharge)
* title = "Step-down: controlled taper"
* description = "Whether support can be tapered, in how many steps over how many weeks, and how the first week is intensified (E6, TAP-1, TAP-2)."
* insert Threshold(urgent, [[Thoughts of ending life, or a plan: support is not reduced, a step-up is considered.]], [[(%dataset.item.where(linkId = 'risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) or %dataset.item.where(linkId = 'risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(plan|plans|planning|intent|intends|means)[a-z ]{0,20}(to die|to end|to kill|to harm|of suicide|end (his|her|their) life)|attempted suicide|took an overdose|weapon')) or %dataset.item.where(linkId = 'risks').answer.value.ofType(Coding).exists(code in ('304594002' | '82313006'))]])
* insert Threshold(borderline, [[A safeguarding concern is open: nothing is closed, and a senior decides about each step.]], [[(%dataset.item.where(linkId = 'safeguarding-indicators').answer.exists() and (%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(eligible, [[Triggers, early-warning signs and step-up criteria are known: the taper can start.]], [[(%dataset.item.where(linkId = 'triggers').answer.exists() and (%dataset.item.where(linkId = 'triggers').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'early-warning-signs').answer.exists() and (%dataset.item.where(linkId = 'early-warning-signs').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'step-up-criteria').answer.exists() and (%dataset.item.where(linkId = 'step-up-criteria').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[Neither triggers nor signs nor follow-up: there is nothing to taper.]], [[%dataset.item.where(linkId = 'triggers').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'early-warning-signs').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'follow-up-requirements').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-3, routine, First contact after the step-down starts, [[48 'h' "h"]])
* insert Deadline(TIM-12, routine, Review of a taper step, [[14 'd' "d"]])
* insert Count(taper-steps, 2, [[At least so many steps (TAP-1)]])
* insert Count(taper-weeks, 4, [[Over at least so many weeks (TAP-1)]])
* insert Count(first-week-contacts, 3, [[Completed contacts in the first seven days (TAP-2)]])
* insert Count(failed-attempts, 3, [[So many failed attempts ask for a welfare check (E11)]])
* insert Cadence(taper-frequency, 3, 1, wk, [[Contacts at the start of a taper]])

Instance: pathway-safeguarding
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(safeguarding, Safeguarding, risk-formulation)
* title = "Safeguarding and cumulative risk"
* description = "How a concern is taken up, and by when it is decided (E3, E12)."
* insert Threshold(urgent, [[Somebody threatens, exploits or harms the person now: protective action today.]], [[%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(string).exists(matches('(?i)not safe|unsafe|immediate|threat|assault|violen|exploit|cuckoo|traffick'))]])
* insert Threshold(urgent, [[A concern, and the person cannot decide about it alone: somebody decides in their best interests, today.]], [[(%dataset.item.where(linkId = 'safeguarding-indicators').answer.exists() and (%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and %dataset.item.where(linkId = 'capacity-and-consent').answer.value.ofType(string).exists(matches('(?i)lacks|no capacity|without capacity'))]])
* insert Threshold(eligible, [[A concern was found: it is formulated, and ends with an outcome (SFG-2).]], [[(%dataset.item.where(linkId = 'safeguarding-indicators').answer.exists() and (%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(borderline, [[Whether there is a concern, or whether the person can decide, is not known: a senior decides what to find out.]], [[%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(Coding).exists(code = 'not-known') or %dataset.item.where(linkId = 'capacity-and-consent').answer.value.ofType(Coding).exists(code in ('none' | 'not-known'))]])
* insert Threshold(outside-scope, [[It was asked, and no concern was found.]], [[%dataset.item.where(linkId = 'safeguarding-indicators').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and (%dataset.item.where(linkId = 'capacity-and-consent').answer.exists() and (%dataset.item.where(linkId = 'capacity-and-consent').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Deadline(TIM-8, urgent, Decision about an urgent concern, [[24 'h' "h"]])
* insert Deadline(TIM-8, routine, Decision about a concern, [[1 '{working-day}' "working day"]])

Instance: pathway-crisis-plan
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(crisis-plan, CrisisPlan, crisis)
* title = "Joint crisis plan"
* description = "Whether a crisis plan can be agreed as it is, and by when it is agreed and reviewed (E9)."
* insert Threshold(urgent, [[Nobody could be reached in a crisis: the plan is mended before anything else.]], [[%dataset.item.where(linkId = 'who-to-contact').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) or %dataset.item.where(linkId = 'escalation-routes').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Threshold(borderline, [[It was not agreed with the person, or that is not known: the lead decides, and says why.]], [[%dataset.item.where(linkId = 'agreed-with-person').answer.value.ofType(Coding).exists(code in ('none' | 'not-known')) or %dataset.item.where(linkId = 'agreed-with-person').answer.value.ofType(string).exists(matches('(?i)^(no|not|declin|refus)'))]])
* insert Threshold(eligible, [[Triggers and early-warning signs are known, and the person agreed: the agencies are asked.]], [[(%dataset.item.where(linkId = 'crisis-triggers').answer.exists() and (%dataset.item.where(linkId = 'crisis-triggers').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'early-warning-signs').answer.exists() and (%dataset.item.where(linkId = 'early-warning-signs').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'agreed-with-person').answer.exists() and (%dataset.item.where(linkId = 'agreed-with-person').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[No trigger and no sign is known: a plan of care is enough.]], [[%dataset.item.where(linkId = 'crisis-triggers').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'early-warning-signs').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-9, routine, Review of the plan, [[84 'd' "d"]])
* insert Deadline(TIM-10, routine, Agreement to the plan, [[5 '{working-day}' "working day"]])
* insert Count(after-action-hours, 72, [[The after-action review is due in so many hours]])

Instance: pathway-case-review
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(case-review, CaseReview, case-review)
* title = "Case review"
* description = "How often a person's care is reviewed together, and what the review must settle (E7)."
* insert Threshold(urgent, [[High risk or a safeguarding concern: reviewed at least every four weeks (TIM-16).]], [[(%dataset.item.where(linkId = 'safeguarding').answer.exists() and (%dataset.item.where(linkId = 'safeguarding').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) or (%dataset.item.where(linkId = 'identified-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'identified-risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) or %dataset.item.where(linkId = 'identified-risks').answer.value.ofType(string).exists(matches('(?i)overdose|violen|exploit|homeless'))]])
* insert Threshold(borderline, [[A service is involved and nobody leads, or that is not known: the meeting names a lead first.]], [[%dataset.item.where(linkId = 'named-leads').answer.value.ofType(Coding).exists(code in ('none' | 'not-known'))]])
* insert Threshold(eligible, [[Several agencies have actions or see risks: the review goes on.]], [[(%dataset.item.where(linkId = 'current-actions').answer.exists() and (%dataset.item.where(linkId = 'current-actions').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) or (%dataset.item.where(linkId = 'identified-risks').answer.exists() and (%dataset.item.where(linkId = 'identified-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[No action is open and no risk is seen: the joint review can end.]], [[%dataset.item.where(linkId = 'current-actions').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'identified-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-16, urgent, Next review\, high risk, [[28 'd' "d"]])
* insert Deadline(TIM-16, routine, Next review, [[84 'd' "d"]])
* insert Deadline(TIM-11, routine, An action of the review, [[10 '{working-day}' "working day"]])

Instance: pathway-risk-forum
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(risk-forum, RiskForum, forum)
* title = "Locality risk forum"
* description = "Who is brought to the forum, how often it meets, and how many concerns bring a person there by themselves (E13, SFG-3)."
* insert Threshold(urgent, [[A criterion is met, and there are thoughts of ending life or a danger to others: heard at the next forum, and stepped up meanwhile.]], [[(%dataset.item.where(linkId = 'referral-criterion').answer.exists() and (%dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and ((%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)not safe|unsafe|immediate|threat|assault|violen|exploit|cuckoo|traffick')))]])
* insert Threshold(eligible, [[One of the three criteria is met: repeated non-engagement, safeguarding, early relapse.]], [[%dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(string).exists(matches('(?i)non-engag|not engag|safeguard|relapse')) or %dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(Coding).exists(code in ('repeated-non-engagement' | 'safeguarding' | 'early-relapse'))]])
* insert Threshold(borderline, [[A criterion is named that is none of the three: the chair decides.]], [[(%dataset.item.where(linkId = 'referral-criterion').answer.exists() and (%dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not()) and (%dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(string).exists(matches('(?i)non-engag|not engag|safeguard|relapse')) or %dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(Coding).exists(code in ('repeated-non-engagement' | 'safeguarding' | 'early-relapse'))).not()]])
* insert Threshold(outside-scope, [[No criterion is met: the lead's own team decides.]], [[%dataset.item.where(linkId = 'referral-criterion').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-11, routine, An action of the forum, [[5 '{working-day}' "working day"]])
* insert Count(concerns, 3, [[So many concerns of any kind put a person on the agenda (SFG-3)]])
* insert Count(concern-agencies, 2, [[Concerns of so many agencies do (SFG-3)]])
* insert Count(concern-days, 90, [[Concerns of the last so many days count (SFG-3)]])
* insert Cadence(meeting-cadence, 1, 1, wk, [[The locality's forum]])
* insert Cadence(multi-agency-cadence, 1, 1, mo, [[The multi-agency forum]])

Instance: pathway-information-sharing
InstanceOf: BatonPathway
Usage: #definition
* insert PathwayOf(information-sharing, InformationSharing, handover)
* title = "Information sharing"
* description = "What is told to partners at once, and what by the next working day (E8, ISP-1). Consent decides whether it may be."
* insert Threshold(urgent, [[Significant risk, or a safeguarding concern: partners who keep the person safe are told within the hour.]], [[(%dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(thoughts of (ending|dying|suicide)|suicidal|self-harm|ending (his|her|their) life)')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('6471006' | '225444004'))) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(string).exists(matches('(?i)(?<!no )(?<!any )(?<!denies )(?<!without )(?<!without a )(plan|plans|planning|intent|intends|means)[a-z ]{0,20}(to die|to end|to kill|to harm|of suicide|end (his|her|their) life)|attempted suicide|took an overdose|weapon')) or %dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('304594002' | '82313006')) or %dataset.item.where(linkId = 'safeguarding-flags').answer.value.ofType(string).exists(matches('(?i)not safe|unsafe|immediate|threat|assault|violen|exploit|cuckoo|traffick'))]])
* insert Threshold(borderline, [[The person objects to sharing with somebody, or it was not asked: a senior decides what is shared, and on which basis.]], [[%dataset.item.where(linkId = 'information-sharing-decisions').answer.value.ofType(string).exists(matches('(?i)not with|declin|refus|object|withdr')) or %dataset.item.where(linkId = 'information-sharing-decisions').answer.value.ofType(Coding).exists(code in ('none' | 'not-known'))]])
* insert Threshold(eligible, [[The person agrees, and there is something to tell: partners are told by the next working day.]], [[%dataset.item.where(linkId = 'information-sharing-decisions').answer.value.ofType(string).exists(matches('(?i)agree|consent')) and (%dataset.item.where(linkId = 'current-risks').answer.exists() and (%dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100' | 'not-known'))).not())]])
* insert Threshold(outside-scope, [[No risk and no concern: nothing has to be told.]], [[%dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100')) and %dataset.item.where(linkId = 'safeguarding-flags').answer.value.ofType(Coding).exists(code in ('none' | '861931000000100'))]])
* insert Deadline(TIM-7, urgent, Telling of a significant risk, [[1 'h' "h"]])
* insert Deadline(TIM-7, routine, Telling of anything else, [[1 '{working-day}' "working day"]])
