// Minimum datasets (MDS). Items are open-choice: a coding of any system, or text; `none` and `not-known` are always answers.

RuleSet: Dataset(name, title)
* url = "https://baton.example/fhir/Questionnaire/mds-{name}"
* version = "0.1.0"
* name = "Mds{title}"
* status = #active
* experimental = false
* publisher = "Baton"
* copyright = "Apache-2.0, Baton"
* subjectType = #Patient

RuleSet: Item(link, text)
* item[+].linkId = "{link}"
* item[=].text = "{text}"
* item[=].type = #open-choice
* item[=].repeats = true
* item[=].answerOption[+].valueCoding = $dataset-answer#none "None"
* item[=].answerOption[+].valueCoding = $dataset-answer#not-known "Not known"

RuleSet: Required(link, text)
* insert Item({link}, [[{text}]])
* item[=].required = true

RuleSet: RequiredSafeguarding(link, text)
* insert Required({link}, [[{text}]])
* item[=].answerOption[+].valueCoding = $sct#861931000000100 "No safeguarding issue identified"

RuleSet: Optional(link, text)
* insert Item({link}, [[{text}]])
* item[=].required = false

RuleSet: RequiredWhen(link, text, condition)
* insert Optional({link}, [[{text}]])
* item[=].extension[+].url = "https://baton.example/fhir/StructureDefinition/required-when"
* item[=].extension[=].valueCode = #{condition}

Instance: mds-referral
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(referral, Referral)
* title = "Minimum dataset: referral"
* insert Required(presenting-need, [[What does the person need now, and why is help being asked for?]])
* insert Required(current-risks, [[What are the current risks, to the person and to others?]])
* insert RequiredSafeguarding(safeguarding-flags, [[Are there safeguarding concerns or flags?]])
* insert Required(recent-crisis-contacts, [[What contacts were there in a crisis recently, when and with whom?]])
* insert Required(functional-impact, [[How does this affect the person's everyday life?]])
* insert Required(preferred-engagement, [[How does the person prefer to be contacted and worked with?]])
* insert Required(reasonable-adjustments, [[Which reasonable adjustments does the person need?]])

Instance: mds-handover
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(handover, Handover)
* title = "Minimum dataset: handover"
* insert Required(presenting-need, [[What does the person need now, and why is help being asked for?]])
* insert Required(current-risks, [[What are the current risks, to the person and to others?]])
* insert RequiredSafeguarding(safeguarding-flags, [[Are there safeguarding concerns or flags?]])
* insert Required(recent-crisis-contacts, [[What contacts were there in a crisis recently, when and with whom?]])
* insert Required(functional-impact, [[How does this affect the person's everyday life?]])
* insert Required(preferred-engagement, [[How does the person prefer to be contacted and worked with?]])
* insert Required(reasonable-adjustments, [[Which reasonable adjustments does the person need?]])
* insert Required(current-medication, [[Which medicines does the person take now?]])
* insert Required(early-warning-signs, [[What are the early signs that the person is becoming unwell?]])
* insert Required(step-up-criteria, [[When should support be stepped up again?]])
* insert Required(follow-up-requirements, [[Which follow-up is needed, by whom and by when?]])
* insert Required(open-actions, [[Which actions are still open, and who owns them?]])
* insert Required(legal-status, [[What is the person's legal status?]])
* insert Required(information-sharing-decisions, [[What was decided about sharing information, and with whom?]])

Instance: mds-discharge
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(discharge, Discharge)
* title = "Minimum dataset: discharge"
* insert Required(risks, [[What are the risks after discharge?]])
* insert Required(triggers, [[What tends to trigger a crisis?]])
* insert Required(follow-up-requirements, [[Which follow-up is needed, by whom and by when?]])
* insert Required(early-warning-signs, [[What are the early signs that the person is becoming unwell?]])
* insert Required(medication-arrangements, [[What has been arranged for medicines, supply and review?]])
* insert RequiredSafeguarding(safeguarding-indicators, [[Are there signs that safeguarding action may be needed?]])
* insert Required(step-up-criteria, [[When should support be stepped up again?]])
* insert Required(housing-readiness, [[Is suitable housing ready?]])
* insert Required(benefit-status, [[What is the position with benefits and money?]])
* insert Required(follow-up-timings, [[When will follow-up contacts take place?]])
* insert Required(community-lead, [[Who is the named lead in the community?]])
* insert Required(family-support, [[Which support do family and carers give and need?]])
* insert Required(primary-care-follow-up, [[Which follow-up will primary care give?]])

Instance: mds-case-review
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(case-review, CaseReview)
* title = "Minimum dataset: case review"
* insert Required(agencies-involved, [[Which agencies are involved?]])
* insert Required(named-leads, [[Who is the named lead at each agency?]])
* insert Required(current-actions, [[Which actions are under way?]])
* insert Required(identified-risks, [[Which risks were identified?]])
* insert Required(next-steps, [[What happens next, by whom and by when?]])
* insert RequiredSafeguarding(safeguarding, [[Are there safeguarding concerns, and which?]])

Instance: mds-first-contact
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(first-contact, FirstContact)
* title = "Minimum dataset: first contact"
* insert Required(housing-stability, [[Is the person's housing stable?]])
* insert Required(financial-stress, [[Is money a worry, and why?]])
* insert Required(family-support, [[Which support do family and carers give and need, as far as the person agrees to involve them?]])
* insert Required(primary-care-access, [[Can the person reach a GP, and see one when needed?]])
* insert Required(crisis-plan-reviewed, [[Was the crisis plan reviewed: what was updated, or why does nothing change?]])
* insert Required(sleep, [[How does the person sleep?]])
* insert Required(routine, [[What does the person's day look like, and does it hold?]])
* insert Required(safe-contacts, [[Whom can the person safely turn to?]])
* insert Required(practical-support, [[Which practical support does the person need?]])

Instance: mds-after-action
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(after-action, AfterAction)
* title = "Minimum dataset: after-action review"
* insert Required(followed-per-role, [[What became of each role of the plan: done by whom, done by someone else, or not done?]])
* insert Required(routes-followed, [[Which escalation routes of the plan were followed, and which were not?]])
* insert Required(conflicts, [[What conflicted between agencies, or with the plan?]])
* insert Required(learning, [[What was learnt, and what should change?]])

Instance: mds-escalation
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(escalation, Escalation)
* title = "Minimum dataset: escalation"
* insert Required(what-has-changed, [[What has changed?]])
* insert Required(current-risks, [[What are the current risks, to the person and to others?]])
* insert Required(protective-factors, [[What protects the person and lowers the risk?]])
* insert Required(what-has-been-tried, [[What has been tried, and with what result?]])

Instance: mds-crisis
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(crisis, Crisis)
* title = "Minimum dataset: crisis plan"
* insert Required(crisis-triggers, [[What tends to trigger a crisis for this person?]])
* insert Required(lead-agency, [[Which agency leads this plan?]])
* insert Required(partner-roles, [[What does each partner do in a crisis?]])
* insert Required(escalation-routes, [[Who is called next, in hours and out of hours, if this is not enough?]])
* insert Required(communication-plan, [[Who tells whom, and how, during and after a crisis?]])
* insert Required(early-warning-signs, [[What are the early signs that the person is becoming unwell?]])
* insert Required(coping-strategies, [[What helps the person to cope?]])
* insert Required(who-to-contact, [[Whom should the person contact, and whom should others contact?]])
* insert Required(agreed-with-person, [[Was this plan agreed with the person?]])
* insert Required(review-date, [[When is the next review?]])
* insert Required(review-responsibility, [[Who is responsible for the review?]])
* insert Optional(advance-statement, [[Has the person made an advance statement, and what does it say?]])

Instance: mds-risk-formulation
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(risk-formulation, RiskFormulation)
* title = "Minimum dataset: risk formulation"
* insert RequiredSafeguarding(safeguarding-indicators, [[Are there signs that safeguarding action may be needed?]])
* insert Required(capacity-and-consent, [[What was considered about the person's capacity and consent?]])
* insert Required(protective-factors, [[What protects the person and lowers the risk?]])
* insert Required(information-sharing-decisions, [[What was decided about sharing information, and with whom?]])
* insert Required(who-does-what-by-when, [[Who does what, by when?]])
* insert Required(follow-up-confirmation, [[How and by whom is the follow-up confirmed?]])
* insert RequiredWhen(purpose, [[What is the purpose of the intensive support?]], intensive-support)
* insert RequiredWhen(review-date, [[When is the next review?]], intensive-support)
* insert RequiredWhen(step-down-criteria, [[When will the support be stepped down?]], intensive-support)

Instance: mds-forum
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(forum, Forum)
* title = "Minimum dataset: locality risk forum"
* insert Required(referral-criterion, [[Which criterion brings this person to the forum: repeated non-engagement, safeguarding or early relapse?]])
* item[=].answerOption[+].valueCoding = $agenda-reason#repeated-non-engagement "Repeated non-engagement"
* item[=].answerOption[+].valueCoding = $agenda-reason#safeguarding "Safeguarding"
* item[=].answerOption[+].valueCoding = $agenda-reason#early-relapse "Early relapse"
* insert Required(current-risks, [[What are the current risks, to the person and to others?]])
* insert Required(protective-factors, [[What protects the person and lowers the risk?]])
* insert Required(engagement-approach, [[How will agencies try to engage the person?]])
* insert Required(system-contacts, [[Which services has the person had contact with?]])
* insert RequiredWhen(proportionality, [[Why is the restrictive measure proportionate?]], restrictive-measure)
* insert RequiredWhen(duration, [[How long will the restrictive measure last?]], restrictive-measure)
* insert Required(threshold-consistency, [[Were thresholds applied consistently, or who decided differently, and how?]])
* item[=].answerOption[+].valueCoding = $dataset-answer#consistent "Consistent"

Instance: mds-redirect
InstanceOf: Questionnaire
Usage: #definition
* insert Dataset(redirect, Redirect)
* title = "Minimum dataset: redirect"
* insert Required(rationale, [[Why is the person redirected?]])
* insert Required(signposted-to, [[Which service was the person signposted to?]])
* insert Required(urgent-routes-communicated, [[Was the person told how to get urgent help?]])
