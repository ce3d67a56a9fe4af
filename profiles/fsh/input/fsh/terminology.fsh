CodeSystem: TaskCode
Id: task-code
Title: "Kinds of Task"
Description: "What a Task asks its owner to do."
* insert Codes
* #handover "Handover" "Take over responsibility for a care plan, or part of it (HOV)."
* #agree-plan "Agree plan" "Agree to this very version of a joint plan (E9)."
* #clarification "Clarification" "Answer a question about a handover or referral (HOV-1, E4)."
* #abort "Abort" "Stop a handover that is already in progress (HOV-1)."
* #escalation "Escalation" "Act as the next named level on something overdue (HOV-7)."
* #follow-up "Follow-up" "Make the first contact after a handover, discharge or step-down (TIM-3)."
* #welfare-check "Welfare check" "Check on a person who was not reached (E11, TIM-3)."
* #safeguarding-consideration "Safeguarding consideration" "Consider whether safeguarding action is needed (E11, TIM-3)."
* #safeguarding "Safeguarding action" "Carry out a protective action and confirm its follow-up (E3)."
* #override-review "Override review" "Review the use of an override of consent (consent rules, section 5)."
* #data-request "Data request" "Decide about a request to disclose data (consent rules, section 4)."
* #acted-upon "Acted upon" "Say what was done with disclosed information (E8)."
* #stop-use "Stop use" "Stop using what was disclosed, because consent was withdrawn, and confirm it."
* #confirm-role "Confirm role" "Confirm the agency's role in a care team (E7)."
* #role "Carry out role" "Carry out an agency's part of an active crisis plan (E9)."
* #triage "Triage" "Triage a referral (E4)."
* #approve "Approve" "Approve a borderline triage decision as a senior (E4)."
* #escalation-review "Escalation review" "Review an escalation as the named clinician (E5)."
* #brief-review "Brief review" "Review a person briefly after a step-up (E10)."
* #taper-step "Taper step" "Take the next step of a controlled taper (E6)."
* #readiness "Readiness" "Make one of the four readiness arrangements before a discharge (E14)."
* #joint-review "Joint review" "Review together by day 7 (E14)."
* #action "Action" "An action agreed by a meeting or plan, with owner and due date (E1, E13)."
* #improvement "Improvement" "Put right a breach or finding, with lead and review date (E15, GOV)."
* #plan-review "Plan review" "Review a plan on the date it names (TIM-9)."
* #identity-review "Identity review" "Decide about a doubtful match of two Patients (IDN-2)."
* #alert "Alert" "Look at something the service found: an unowned plan, say (OWN-5)."
* #allocation "Allocation" "Accept a person who was allocated to the agency, and name the lead (E1, E4)."
* #merge-plan "Merge plan" "Take over what stands in a parallel plan, so that one plan is left (OWN-6)."
* #decision-review "Decision review" "Look at a decision about an escalation in supervision or the next meeting (ESC-3)."
* #structured-review "Structured review" "Review a person of whom an early-warning sign was reported, or contacts were missed (EWS-1)."

ValueSet: TaskCodeValues
Id: task-code
Title: "Kinds of Task"
Description: "Every code of the code system task-code."
* insert Published
* include codes from system TaskCode

CodeSystem: TaskInput
Id: task-input
Title: "Task inputs"
Description: "What a Task is given."
* insert Codes
* #minimum-dataset "Minimum dataset" "A QuestionnaireResponse to the minimum dataset (HOV-2)."
* #sharing-authority "Sharing authority" "A Consent, or the lawful basis with its justification (HOV-3)."
* #package "Package" "A document Bundle."
* #requested-scope "Requested scope" "A part of the responsibility that is asked to move."
* #question "Question" "What is asked in a clarification."
* #level "Level" "The escalation level, from 1 (HOV-7)."
* #reason "Reason" "Why the Task was made."
* #record-type "Record type" "A type of record that a data request asks for."
* #record-category "Record category" "A code that the records asked for carry."
* #record-period "Record period" "The time that the records asked for are about."
* #purpose "Purpose" "A purpose of use that the data is asked for."
* #override-kind "Override kind" "The kind of override that is reviewed."
* #override-scope "Override scope" "A resource type that an override opens."
* #pathway "Pathway" "The pathway whose time limits apply."
* #registered-by "Registered by" "The agency that registered a person who is to be recognised (IDN-1)."
* #registered-as "Registered as" "The name by which the person was registered (IDN-1)."
* #born "Born" "The birth date with which the person was registered (IDN-1)."
* #rests-on "Rests on" "The version of a record on which what is agreed to rests (E9)."
* #into "Into" "The plan that another is to be merged into."
* #ended-goal "Ended goal" "A goal of the plan to be merged that ends; the extension `status-reason` says why (OUT-1)."
* #decision "Decision" "The decision that is to be approved or reviewed."
* #threshold "Threshold" "The outcome of the pathway's thresholds that was acted on."
* #rationale "Rationale" "Why it was decided so."
* #receiver "Receiver" "The agency that a person was allocated to."
* #lead "Lead" "The PractitionerRole that is proposed as lead."
* #role "Role" "The agency's part in the team or plan."
* #warning-sign "Warning sign" "What was reported, or missed."

ValueSet: TaskInputValues
Id: task-input
Title: "Task inputs"
Description: "Every code of the code system task-input."
* insert Published
* include codes from system TaskInput

CodeSystem: TaskOutput
Id: task-output
Title: "Task outputs"
Description: "What came of a Task."
* insert Codes
* #lead "Lead" "The PractitionerRole who now leads."
* #accepted-scope "Accepted scope" "A part of the responsibility that was accepted (HOV-6)."
* #declined-scope "Declined scope" "A part of the responsibility that was sent back (HOV-6)."
* #first-contact "First contact" "The completed first contact; an attempt is not a contact."
* #no-contact-required "No contact required" "No contact is required, and why."
* #delivered "Delivered" "When the Task reached the owner's endpoint."
* #answer "Answer" "The answer to a clarification."
* #alternative "Alternative" "What should happen instead of a rejected handover."
* #acknowledgement "Acknowledgement" "The Communication that told the sender."
* #decision "Decision" "The decision that was made."
* #disclosure "Disclosure" "The disclosure record that was made."
* #suggestion "Suggestion" "What the pathway's thresholds suggest, and why. Written by the service."
* #threshold "Threshold" "The outcome of the thresholds that the decider acts on."
* #rationale "Rationale" "Why it was decided so."
* #pathway "Pathway" "The version of the pathway that the decision was taken under (MTG-4)."
* #decided-by "Decided by" "The PractitionerRole who decided."
* #receiver "Receiver" "The agency that the person is allocated to."
* #redirect "Redirect" "The response to the `redirect` dataset."
* #minimum-dataset "Minimum dataset" "A QuestionnaireResponse that the answer needs."
* #goal "Goal" "A Goal of the plan (OUT-1)."
* #goals-by "Goals by" "The date by which the goals are agreed (OUT-1)."
* #guidance "Guidance" "What to do meanwhile, and when to come back."
* #contact-cadence "Contact cadence" "How often the person is contacted, with an end."
* #out-of-hours "Out of hours" "What holds outside working hours."
* #mdt-review "MDT review" "The date of the meeting that reviews it."
* #crisis-plan "Crisis plan" "The crisis plan as updated, or `no-change` with the rationale."

ValueSet: TaskOutputValues
Id: task-output
Title: "Task outputs"
Description: "Every code of the code system task-output."
* insert Published
* include codes from system TaskOutput

CodeSystem: IdentityDecision
Id: identity-decision
Title: "Identity decisions"
Description: "What came of the review of an identity (IDN-1, IDN-2)."
* insert Codes
* #same-person "Same person" "The two records are of one person."
* #another-person "Another person" "The two records are of two people."
* #number-verified "Number verified" "The number is this person's."
* #number-removed "Number removed" "The number is not this person's, and was taken out."

ValueSet: IdentityDecisionValues
Id: identity-decision
Title: "Identity decisions"
Description: "Every code of the code system identity-decision."
* insert Published
* include codes from system IdentityDecision

CodeSystem: OverrideDecision
Id: override-decision
Title: "Override decisions"
Description: "What came of the review of an override (consent rules, section 5)."
* insert Codes
* #justified "Justified" "The override was justified."
* #unjustified "Unjustified" "The override was not justified: it ends at once, and is an incident."

ValueSet: OverrideDecisionValues
Id: override-decision
Title: "Override decisions"
Description: "Every code of the code system override-decision."
* insert Published
* include codes from system OverrideDecision

CodeSystem: Incident
Id: incident
Title: "Incidents"
Description: "What an incident was (GOV-2)."
* insert Codes
* #override-unjustified "Override unjustified" "An override of consent was found unjustified on review."

ValueSet: IncidentValues
Id: incident
Title: "Incidents"
Description: "Every code of the code system incident."
* insert Published
* include codes from system Incident

CodeSystem: BusinessStatus
Id: business-status
Title: "Business status"
Description: "Where a Task stands beyond its status."
* insert Codes
* #overdue "Overdue" "Not answered by the accept-by date (HOV-7)."
* #awaiting-information "Awaiting information" "A clarification is open."
* #authority-withdrawn "Authority withdrawn" "The consent it was sent under no longer stands (HOV-8)."
* #partly-accepted "Partly accepted" "Part of the scope was sent back (HOV-6)."
* #awaiting-approval "Awaiting approval" "A named person must decide first."
* #delivered "Delivered" "It reached the owner's endpoint."
* #suspended "Suspended" "What was confirmed has changed, and is to be confirmed anew (IDN-5)."
* #delivery-failed "Delivery failed" "It could not be delivered to any endpoint of the owner."

ValueSet: BusinessStatusValues
Id: business-status
Title: "Business status"
Description: "Every code of the code system business-status."
* insert Published
* include codes from system BusinessStatus

CodeSystem: StatusReason
Id: status-reason
Title: "Status reasons"
Description: "Why a Task was rejected, cancelled, held or failed."
* insert Codes
* #no-capacity "No capacity" "The agency cannot take it on in time."
* #outside-remit "Outside remit" "The agency does not offer what is needed."
* #out-of-area "Out of area" "The person lives outside the agency's area."
* #not-eligible "Not eligible" "The person does not meet the agency's criteria."
* #insufficient-information "Insufficient information" "The dataset does not say enough to decide."
* #another-service-better "Another service is better placed" "A named service is better placed."
* #person-declined "Person declined" "The person does not want it."
* #risk-too-high "Risk too high" "The risk is beyond what the agency can hold safely."
* #already-open "Already open here" "The agency is already responsible for it; not a reason to close a referral by itself (HOV-10)."
* #authority-withdrawn "Authority withdrawn" "Consent was withdrawn and no other authority stands (HOV-8)."
* #sent-in-error "Sent in error" "It was sent to the wrong agency or about the wrong person."
* #circumstances-changed "Circumstances changed" "It is no longer needed."
* #superseded "Superseded" "Another Task replaces it."
* #awaiting-information "Awaiting information" "Held until information arrives."
* #awaiting-third-party "Awaiting a third party" "Held until another agency has acted."
* #person-unavailable "Person unavailable" "Held while the person is away or in hospital."
* #not-reached "Not reached" "The person was not reached."
* #not-delivered "Not delivered" "What was agreed could not be delivered."
* #declined-scope "Scope declined" "This part of the responsibility was sent back (HOV-6)."
* #aborted "Aborted" "Stopped on the sender's request."
* #disagrees "Disagrees" "The agency does not agree to the plan as it is."
* #does-not-confirm "Does not confirm" "The agency does not confirm the role it was given (E7)."
* #did-not-attend "Did not attend" "The person did not attend; by itself no reason to close (DNA-1)."
* #not-engaging "Not engaging" "The person does not engage; by itself no reason to close (DNA-1)."
* #died "Died" "The person has died."
* #transferred "Transferred" "The person was transferred elsewhere."
* #other "Other" "Another reason, given in the text."

ValueSet: StatusReasonValues
Id: status-reason
Title: "Status reasons"
Description: "Every code of the code system status-reason."
* insert Published
* include codes from system StatusReason

CodeSystem: ScopeOfResponsibility
Id: scope-of-responsibility
Title: "Scope of responsibility"
Description: "The parts a responsibility can be split into."
* insert Codes
* #overall-coordination "Overall coordination" "Coordinating the plan as its one owner."
* #care-planning "Care planning" "Writing and reviewing the plan."
* #clinical-treatment "Clinical treatment" "Treatment and its monitoring."
* #medication "Medication" "Prescribing, supply and review of medication."
* #crisis-response "Crisis response" "Answering a crisis, in and out of hours."
* #safeguarding "Safeguarding" "Leading the safeguarding actions."
* #physical-health "Physical health" "Monitoring of physical health."
* #housing-support "Housing support" "Accommodation and the support to keep it."
* #social-care "Social care" "Assessment and delivery of social care."
* #benefits-and-money "Benefits and money" "Benefits, debt and money advice."
* #practical-and-social-support "Practical and social support" "Everyday support, company and activity."
* #carer-support "Carer support" "Support for family and carers."
* #follow-up "Follow-up" "The contact after discharge or step-down."

ValueSet: ScopeOfResponsibilityValues
Id: scope-of-responsibility
Title: "Scope of responsibility"
Description: "Every code of the code system scope-of-responsibility."
* insert Published
* include codes from system ScopeOfResponsibility

CodeSystem: DatasetAnswer
Id: dataset-answer
Title: "Dataset answers"
Description: "Answers to items of a minimum dataset. Every item accepts `none` and `not-known`; the items that accept another offer it."
* insert Codes
* #none "None" "It was asked, and there is none."
* #not-known "Not known" "It was asked and is not known; the answer's text gives the reason."
* #consistent "Consistent" "Thresholds were applied consistently (MTG-5)."

ValueSet: DatasetAnswerValues
Id: dataset-answer
Title: "Dataset answers"
Description: "Every code of the code system dataset-answer."
* insert Published
* include codes from system DatasetAnswer

CodeSystem: DatasetCondition
Id: dataset-condition
Title: "Dataset conditions"
Description: "When an item that is not always required must be answered."
* insert Codes
* #intensive-support "Intensive support" "When intensive support is planned or given (E3)."
* #restrictive-measure "Restrictive measure" "When a restrictive measure is planned or in place (E13)."

ValueSet: DatasetConditionValues
Id: dataset-condition
Title: "Dataset conditions"
Description: "Every code of the code system dataset-condition."
* insert Published
* include codes from system DatasetCondition

CodeSystem: LawfulBasis
Id: lawful-basis
Title: "Lawful basis"
Description: "Why information may be shared where no Consent is the authority."
* insert Codes
* #direct-care "Direct care" "Implied consent for direct care, as the person would expect."
* #vital-interests "Vital interests" "To protect someone's life."
* #safeguarding "Safeguarding" "To protect a child, or an adult at risk."
* #public-interest "Public interest" "To prevent serious harm or crime; outweighs confidentiality."
* #legal-duty "Legal duty" "A statute or court order requires it."
* #best-interests "Best interests" "The person lacks capacity for this decision and it is in their best interests."
* #explicit-consent-elsewhere "Explicit consent held elsewhere" "Consent is recorded in another system that the text names."

ValueSet: LawfulBasisValues
Id: lawful-basis
Title: "Lawful basis"
Description: "Every code of the code system lawful-basis."
* insert Published
* include codes from system LawfulBasis

CodeSystem: LegalGround
Id: legal-ground
Title: "Legal grounds"
Description: "Law that a lawful basis rests on, for a second coding beside it."
* insert Codes
* #gdpr-6-1-a "GDPR Article 6(1)(a)" "Consent."
* #gdpr-6-1-c "GDPR Article 6(1)(c)" "Legal obligation."
* #gdpr-6-1-d "GDPR Article 6(1)(d)" "Vital interests."
* #gdpr-6-1-e "GDPR Article 6(1)(e)" "Public task."
* #gdpr-6-1-f "GDPR Article 6(1)(f)" "Legitimate interests."
* #gdpr-9-2-a "GDPR Article 9(2)(a)" "Explicit consent."
* #gdpr-9-2-b "GDPR Article 9(2)(b)" "Employment, social security and social protection law."
* #gdpr-9-2-c "GDPR Article 9(2)(c)" "Vital interests, where consent cannot be given."
* #gdpr-9-2-g "GDPR Article 9(2)(g)" "Substantial public interest."
* #gdpr-9-2-h "GDPR Article 9(2)(h)" "Health or social care."
* #gdpr-9-2-i "GDPR Article 9(2)(i)" "Public health."
* #common-law-implied-consent "Implied consent" "Common law: implied consent for direct care."
* #common-law-explicit-consent "Explicit consent" "Common law: explicit consent."
* #common-law-overriding-interest "Overriding public interest" "Common law: the public interest outweighs the duty of confidence."
* #statute "Statute" "The statute or order that the text names."

ValueSet: LegalGroundValues
Id: legal-ground
Title: "Legal grounds"
Description: "Every code of the code system legal-ground."
* insert Published
* include codes from system LegalGround

CodeSystem: DisclosureCategory
Id: disclosure-category
Title: "Disclosure categories"
Description: "The type of information that was disclosed (E8)."
* insert Codes
* #care-plan "Care plan" "A care plan and its activities."
* #crisis-plan "Crisis plan" "A crisis plan."
* #handover "Handover" "What a receiving agency needs to take over."
* #referral "Referral" "A referral and its dataset."
* #discharge "Discharge" "A discharge and its dataset."
* #risk "Risk" "Risk and its formulation."
* #safeguarding "Safeguarding" "Safeguarding concerns and actions."
* #mental-health "Mental health" "Mental health history and treatment."
* #substance-use "Substance use" "Use of alcohol and drugs, and its treatment."
* #physical-health "Physical health" "Physical conditions and treatment."
* #medication "Medication" "Medicines."
* #contact-and-attendance "Contact and attendance" "Appointments, contacts and attempts."
* #social-circumstances "Social circumstances" "Family, work, money and support."
* #housing "Housing" "Accommodation."
* #legal-status "Legal status" "Detention, orders and capacity."
* #identity "Identity" "Name, address and identifiers."
* #other "Other" "Other information, named in the text."

ValueSet: DisclosureCategoryValues
Id: disclosure-category
Title: "Disclosure categories"
Description: "Every code of the code system disclosure-category."
* insert Published
* include codes from system DisclosureCategory

CodeSystem: OverrideKind
Id: override-kind
Title: "Override kinds"
Description: "Why a person's consent was overridden (consent rules, section 5)."
* insert Codes
* #patient-safety "Patient safety" "Break-glass: immediate risk to the person's safety (purpose BTG)."
* #vital-interests "Vital interests" "To protect someone's life."
* #safeguarding "Safeguarding" "To protect a child, or an adult at risk."
* #public-interest "Public interest" "To prevent serious harm or crime."
* #legal "Legal" "A statute or court order requires it."
* #best-interests "Best interests" "The person lacks capacity for this decision and it is in their best interests."

ValueSet: OverrideKindValues
Id: override-kind
Title: "Override kinds"
Description: "Every code of the code system override-kind."
* insert Published
* include codes from system OverrideKind

CodeSystem: Tag
Id: tag
Title: "Tags"
Description: "Marks that the service sets in meta.tag."
* insert Codes
* #unowned "Unowned" "An imported plan without an owner (OWN-7)."
* #quarantined "Quarantined" "Loaded with faults that a person must look at."
* #duplicate-candidate "Possible duplicate" "May describe the same person as another record (IDN-2)."
* #undecidable "Undecidable" "A Consent whose effect cannot be decided; its permits are off."
* #synthetic "Synthetic" "Made up for demonstration."
* #threshold-overridden "Threshold overridden" "A decision unlike what the pathway's thresholds suggest (E4)."

ValueSet: TagValues
Id: tag
Title: "Tags"
Description: "Every code of the code system tag."
* insert Published
* include codes from system Tag

CodeSystem: CommunicationCategory
Id: communication-category
Title: "Communication categories"
Description: "What a Communication of the service tells."
* insert Codes
* #handover-delivered "Handover delivered" "The handover reached the receiver."
* #handover-received "Handover received" "The receiver has seen the handover."
* #handover-accepted "Handover accepted" "The receiver accepted responsibility."
* #handover-rejected "Handover rejected" "The receiver did not accept responsibility."
* #handover-cancelled "Handover cancelled" "The sender withdrew the handover."
* #ownership-changed "Ownership changed" "Another agency leads the plan."
* #plan-unowned "Plan unowned" "A plan has no lead who can act."
* #plan-activated "Plan activated" "A joint plan is active."
* #agreement-reset "Agreement reset" "A plan changed and needs agreement again."
* #consent-withdrawn "Consent withdrawn" "The person withdrew consent; stop using what was disclosed."
* #consent-recorded "Consent recorded" "Tells a custodian that an agency recorded a Consent from which it gains itself."
* #override-notice "Override notice" "Tells the person that their record was opened by override."
* #disclosure "Disclosure" "Tells a receiver that information was disclosed to it."
* #contact-attempt "Contact attempt" "An attempt to reach the person; not a contact."
* #decision "Decision" "A decision of a meeting with its rationale."
* #agenda-entry "Agenda entry" "Somebody stands on the agenda of a meeting: who was told, for the meeting's time."
* #reminder "Reminder" "Something is due soon."
* #breach "Breach" "A time limit was passed."
* #referral-outcome "Referral outcome" "Tells the referrer what became of a referral (E4)."
* #known-elsewhere "Known elsewhere" "Tells a front door where else the person has a plan, as consent allows (HOV-10)."
* #escalation-outcome "Escalation outcome" "Tells the escalator what became of an escalation (E5)."

ValueSet: CommunicationCategoryValues
Id: communication-category
Title: "Communication categories"
Description: "Every code of the code system communication-category."
* insert Published
* include codes from system CommunicationCategory

CodeSystem: ProvenanceActivity
Id: provenance-activity
Title: "Provenance activities"
Description: "What changed a record."
* insert Codes
* #lead-named "Lead named" "The owning agency named another of its staff (OWN-3)."
* #handover-accepted "Handover accepted" "Ownership moved by an accepted handover (HOV-4)."
* #imported "Imported" "Loaded from another system."
* #plan-agreed "Plan agreed" "An agency agreed to a plan (E9)."
* #plan-activated "Plan activated" "Every agency had agreed (E9)."
* #disclosed "Disclosed" "Information was shared (E8)."
* #message-received "Message received" "Made from a partner's message."
* #linked "Linked" "Two Patients were found to be one person (IDN-1)."
* #said "Said" "The person said it, signed in to an app (L1)."
* #superseded "Superseded" "A newer Consent took its place."
* #plan-merged "Plan merged" "What stood in a parallel plan was taken over (OWN-6)."

ValueSet: ProvenanceActivityValues
Id: provenance-activity
Title: "Provenance activities"
Description: "Every code of the code system provenance-activity."
* insert Published
* include codes from system ProvenanceActivity

CodeSystem: AuditType
Id: audit-type
Title: "Audit types"
Description: "Kinds of audit event beside those of DICOM and HL7."
* insert Codes
* #disclosure "Disclosure" "Information left for another agency."
* #disclosure-preview "Disclosure preview" "Someone asked what would be shared."
* #override "Override" "Consent was overridden."
* #override-review "Override review" "An override was reviewed."
* #consent-decision "Consent decision" "A decision was asked to be explained."
* #refusal "Refusal" "A rule or the consent decision said no."
* #handover "Handover" "A handover changed state."
* #ownership "Ownership" "The owner of a plan changed."
* #token "Token" "A token was asked for, and granted or refused."
* #introspect "Introspection" "A token was looked into, or was not."
* #revoke "Revocation" "A token was revoked."
* #reuse "Reuse" "A code or refresh token was used twice."
* #bearer "Bearer token" "A request with a token that does not hold was refused."
* #login "Login" "A user logged in, or failed to."
* #logout "Logout" "A user logged out."
* #launch "Launch" "An app was launched from another system, or was refused."
* #authorize "Authorization" "A user let an app in, or did not."
* #timer "Timer" "A time limit was passed."
* #ledger-seal "Ledger seal" "The heads of the audit chains were chained."

ValueSet: AuditTypeValues
Id: audit-type
Title: "Audit types"
Description: "Every code of the code system audit-type."
* insert Published
* include codes from system AuditType

CodeSystem: RecordMark
Id: record-mark
Title: "Record marks"
Description: "Marks in meta.security that the consent decision reads."
* insert Codes
* #third-party "Third party" "About or from somebody else; not shown to the person."
* #do-not-tell-patient "Do not tell the person first" "A professional must speak with the person first."
* #serious-harm "Serious harm" "Showing it to the person could cause serious harm."
* #legally-barred "Legally barred" "A law forbids its disclosure."

ValueSet: RecordMarkValues
Id: record-mark
Title: "Record marks"
Description: "Every code of the code system record-mark."
* insert Published
* include codes from system RecordMark

CodeSystem: Obligation
Id: obligation
Title: "Obligations"
Description: "What a permitted reader or recipient owes (consent rules, section 1)."
* insert Codes
* #privacy-officer-review "Privacy officer's review" "The use of an override is reviewed."
* #tell-person "Tell the person" "The person is told, unless that is deferred with a reason."
* #record-disclosure "Record the disclosure" "A disclosure record is kept."
* #no-onward-disclosure "No onward disclosure" "It is not passed on."
* #labelled-only "Labelled records only" "A record without a confidentiality label is not released."
* #sensitive-is-restricted "Sensitive is restricted" "A record with a sensitivity label and no confidentiality counts as R."
* #objection-possible "Objection possible" "Sharing is implied; the person may object."

ValueSet: ObligationValues
Id: obligation
Title: "Obligations"
Description: "Every code of the code system obligation."
* insert Published
* include codes from system Obligation

CodeSystem: Decision
Id: decision
Title: "Decisions"
Description: "What was decided about a referral, or about an entry of a meeting's agenda (E1, E4, E13)."
* insert Codes
* #allocated "Allocated" "An agency is asked to take the person on; nobody has until it accepts."
* #redirected "Redirected" "Another service is signposted to, with its reason and urgent routes."
* #deferred "Deferred" "It is decided at a later meeting, on the date given."
* #actions "Actions" "Actions were agreed, each with owner and date."
* #no-action "No action" "Nothing is to be done before the review date given."

ValueSet: DecisionValues
Id: decision
Title: "Decisions"
Description: "Every code of the code system decision."
* insert Published
* include codes from system Decision

CodeSystem: TriageOutcome
Id: triage-outcome
Title: "Triage outcomes"
Description: "What a pathway's thresholds say of a dataset, most urgent first (E4)."
* insert Codes
* #urgent "Urgent" "Somebody must act now."
* #eligible "Eligible" "The person meets the criteria of the service."
* #borderline "Borderline" "A senior decides (E4)."
* #outside-scope "Outside scope" "Another service is better placed; the person is redirected with care."

ValueSet: TriageOutcomeValues
Id: triage-outcome
Title: "Triage outcomes"
Description: "Every code of the code system triage-outcome."
* insert Published
* include codes from system TriageOutcome

CodeSystem: EscalationThreshold
Id: escalation-threshold
Title: "Escalation thresholds"
Description: "Whether an escalation met the threshold of the step-up pathway (E5)."
* insert Codes
* #met "Met" "The threshold is met."
* #not-met "Not met" "The threshold is not met."
* #clinical-override "Clinical override" "Decided unlike the threshold, for the clinical reason given."

ValueSet: EscalationThresholdValues
Id: escalation-threshold
Title: "Escalation thresholds"
Description: "Every code of the code system escalation-threshold."
* insert Published
* include codes from system EscalationThreshold

CodeSystem: MeetingType
Id: meeting-type
Title: "Kinds of meeting"
Description: "The kinds of meeting that decide about people (MTG-1)."
* insert Codes
* #mdt "MDT" "Multidisciplinary team meeting that allocates (E1)."
* #case-review "Case review" "Review of one person's care by all its agencies (E7)."
* #shared-planning "Shared planning" "Planning of a joint crisis plan (E9)."
* #risk-forum "Risk forum" "Locality or multi-agency risk forum (E13)."
* #governance "Governance" "Meeting about how the rules work."

ValueSet: MeetingTypeValues
Id: meeting-type
Title: "Kinds of meeting"
Description: "Every code of the code system meeting-type."
* insert Published
* include codes from system MeetingType

CodeSystem: AgendaReason
Id: agenda-reason
Title: "Reasons for an agenda"
Description: "Why something stands on the agenda of a meeting."
* insert Codes
* #new-referral "New referral" "A referral that is to be decided."
* #review "Review" "A review that is due."
* #brief-review-due "Brief review due" "The brief review after a step-up was not held in time (TIM-6)."
* #repeated-non-engagement "Repeated non-engagement" "The person was repeatedly not reached."
* #safeguarding "Safeguarding" "A safeguarding concern."
* #early-relapse "Early relapse" "Early signs of becoming unwell."
* #crisis-contact "Crisis contact" "A contact in a crisis of a person with an active plan (GOV-10)."
* #decision-review "Decision review" "A decision about an escalation (ESC-3)."
* #deferred "Deferred" "Deferred by an earlier meeting."
* #restrictive-measure "Restrictive measure" "A restrictive measure is planned or in place."

ValueSet: AgendaReasonValues
Id: agenda-reason
Title: "Reasons for an agenda"
Description: "Every code of the code system agenda-reason."
* insert Published
* include codes from system AgendaReason

CodeSystem: MeetingRole
Id: meeting-role
Title: "Roles in a meeting"
Description: "What somebody is to a meeting."
* insert Codes
* #chair "Chair" "Leads the meeting and closes it."
* #member "Member" "Takes part."
* #apologies "Apologies" "Was asked, and could not come."
* #delegate "Delegate" "Takes part in the place of a member."

ValueSet: MeetingRoleValues
Id: meeting-role
Title: "Roles in a meeting"
Description: "Every code of the code system meeting-role."
* insert Published
* include codes from system MeetingRole

CodeSystem: ServiceCategory
Id: service-category
Title: "Kinds of service"
Description: "What a HealthcareService is to Baton."
* insert Codes
* #forum "Forum" "A standing meeting with a kind, a cadence and required roles (MTG-1)."
* #front-door "Front door" "Receives referrals and triages them (E4)."

ValueSet: ServiceCategoryValues
Id: service-category
Title: "Kinds of service"
Description: "Every code of the code system service-category."
* insert Published
* include codes from system ServiceCategory

CodeSystem: EventKind
Id: event-kind
Title: "Kinds of event"
Description: "What happened that partners are told of in time (E8, ISP-1), or talk about in a meeting (GOV-10)."
* insert Codes
* #risk-change "Change of risk" "The risk to the person, or to others, has changed."
* #disengagement "Disengagement" "The person does not take part any more."
* #crisis-event "Crisis event" "A contact with the person in a crisis (GOV-10)."
* #safeguarding "Safeguarding" "A safeguarding concern."
* #medication-change "Change of medication" "The person's medication has changed."
* #contact-detail "Contact detail" "How the person is reached has changed."

ValueSet: EventKindValues
Id: event-kind
Title: "Kinds of event"
Description: "Every code of the code system event-kind."
* insert Published
* include codes from system EventKind

CodeSystem: PartnerRoleCode
Id: partner-role
Title: "Roles of partners"
Description: "What a partner does when a joint crisis plan is used (CRP-1)."
* insert Codes
* #response-lead "Response lead" "Leads the response: exactly one."
* #clinical-input "Clinical input" "Gives clinical advice: at least one."
* #contact-with-person "Contact with the person" "Keeps in contact with the person: exactly one."

ValueSet: PartnerRoleCodeValues
Id: partner-role
Title: "Roles of partners"
Description: "Every code of the code system partner-role."
* insert Published
* include codes from system PartnerRoleCode

CodeSystem: RequestCategory
Id: request-category
Title: "Kinds of request"
Description: "What a ServiceRequest asks for."
* insert Codes
* #referral "Referral" "To take a person on (E4)."
* #escalation "Escalation" "To step a person's support up (E5)."
* #contact-plan "Contact plan" "Contacts more often for a time, with an end (E10)."
* #intensive-support "Intensive support" "Intensive support with purpose, end and review (E3)."

ValueSet: RequestCategoryValues
Id: request-category
Title: "Kinds of request"
Description: "Every code of the code system request-category."
* insert Published
* include codes from system RequestCategory

CodeSystem: ObservationCategory
Id: observation-category
Title: "Kinds of observation"
Description: "What an Observation is to Baton."
* insert Codes
* #early-warning-sign "Early-warning sign" "A sign on the person's plan that was noticed (EWS-1)."

ValueSet: ObservationCategoryValues
Id: observation-category
Title: "Kinds of observation"
Description: "Every code of the code system observation-category."
* insert Published
* include codes from system ObservationCategory
