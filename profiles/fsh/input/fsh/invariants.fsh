// A key is the id of a rule, with a word after a dot where one rule has several parts.

Invariant: OWN-1
Description: "An active CarePlan has one owner: set `author` to a reference to a PractitionerRole."
Severity: #error
Expression: "status != 'active' or author.reference.matches('^([^#]*/)?PractitionerRole/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$')"

Invariant: OWN-2
Description: "An active CareTeam has one open care coordinator: name one participant with role `768820003`, and end the period of any other."
Severity: #error
Expression: "status != 'active' or (participant.where(role.coding.where(system = 'http://snomed.info/sct' and code = '768820003').exists()).exists() and participant.where(role.coding.where(system = 'http://snomed.info/sct' and code = '768820003').exists() and period.end.empty()).count() <= 1)"

Invariant: OWN-2.member
Description: "A care coordinator is a PractitionerRole: set `member` to it."
Severity: #error
Expression: "role.coding.where(system = 'http://snomed.info/sct' and code = '768820003').empty() or member.reference.matches('^([^#]*/)?PractitionerRole/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$')"

Invariant: OWN-2.agency
Description: "A care coordinator acts for an agency: set the extension `participant-agency`."
Severity: #error
Expression: "role.coding.where(system = 'http://snomed.info/sct' and code = '768820003').empty() or extension('https://baton.example/fhir/StructureDefinition/participant-agency').exists()"

Invariant: OWN-4
Description: "A care coordinator's time is recorded: set `period.start`."
Severity: #error
Expression: "role.coding.where(system = 'http://snomed.info/sct' and code = '768820003').empty() or period.start.exists()"

Invariant: HOV-1.accept-by
Description: "A handover that was sent has an accept-by date: set `restriction.period.end`."
Severity: #error
Expression: "status = 'draft' or status = 'on-hold' or status = 'entered-in-error' or restriction.period.end.exists()"

Invariant: HOV-1.conversation
Description: "A handover belongs to a conversation: set `groupIdentifier`, or the service gives it one."
Severity: #warning
Expression: "groupIdentifier.exists()"

Invariant: HOV-1.reason
Description: "A Task that was rejected, cancelled, held or failed says why: set a coded `statusReason`."
Severity: #error
Expression: "(status = 'rejected' or status = 'cancelled' or status = 'on-hold' or status = 'failed').not() or statusReason.coding.exists()"

Invariant: HOV-1.lead
Description: "An accepted handover names who leads: set `owner` to a PractitionerRole, or give the output `lead`."
Severity: #error
Expression: "(status = 'accepted' or status = 'in-progress' or status = 'completed').not() or owner.reference.matches('^([^#]*/)?PractitionerRole/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$') or output.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-output' and code = 'lead').exists()"

Invariant: HOV-1.contact
Description: "A completed handover had its first contact: give the output `first-contact`, or `no-contact-required` with the reason."
Severity: #error
Expression: "status != 'completed' or output.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-output' and (code = 'first-contact' or code = 'no-contact-required')).exists()"

Invariant: HOV-1.why
Description: "An abort says why: set a coded `reasonCode`."
Severity: #error
Expression: "reasonCode.coding.exists() or statusReason.coding.exists()"

Invariant: HOV-2
Description: "A handover has one minimum dataset: add the input `minimum-dataset` with a reference to its QuestionnaireResponse."
Severity: #error
Expression: "input.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-input' and code = 'minimum-dataset').count() = 1"

Invariant: HOV-3.input
Description: "A handover has one authority to share: add the input `sharing-authority` with a Consent or a lawful basis."
Severity: #error
Expression: "input.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-input' and code = 'sharing-authority').count() = 1"

Invariant: HOV-3
Description: "A lawful basis other than `direct-care` needs its justification: set the `text` of the CodeableConcept."
Severity: #error
Expression: "value.coding.where(system = 'https://baton.example/fhir/CodeSystem/lawful-basis' and code != 'direct-care').empty() or value.text.exists()"

Invariant: HOV-6
Description: "A part of the responsibility is either accepted or declined: name each scope once."
Severity: #error
Expression: "output.type.coding.where(code = 'declined-scope').empty() or output.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-output' and (code = 'accepted-scope' or code = 'declined-scope')).exists()).value.coding.where(system = 'https://baton.example/fhir/CodeSystem/scope-of-responsibility').code.isDistinct()"

Invariant: TIM-3
Description: "A completed follow-up had a contact, and an attempt is not a contact: give the output `first-contact`, or `no-contact-required` with the reason."
Severity: #error
Expression: "status != 'completed' or output.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-output' and (code = 'first-contact' or code = 'no-contact-required')).exists()"

Invariant: E9
Description: "A plan that is active names its lead agency: set the extension `lead-agency`."
Severity: #error
Expression: "status != 'active' or extension('https://baton.example/fhir/StructureDefinition/lead-agency').exists()"

Invariant: E9.partners
Description: "An active crisis plan says what each partner does: add an extension `partner-role` for each agency."
Severity: #error
Expression: "status != 'active' or extension('https://baton.example/fhir/StructureDefinition/partner-role').exists()"

Invariant: E9.dataset
Description: "An active crisis plan carries its minimum dataset: refer to the `mds-crisis` QuestionnaireResponse in `supportingInfo`."
Severity: #error
Expression: "status != 'active' or supportingInfo.reference.where(matches('^([^#]*/)?QuestionnaireResponse/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$')).exists()"

Invariant: E9.version
Description: "An agency agrees to one version of a plan: refer to it as `CarePlan/id/_history/version` or `PlanDefinition/id/_history/version` in `focus`."
Severity: #error
Expression: "reference.matches('^([^#]*/)?(CarePlan|PlanDefinition)/[A-Za-z0-9.-]+/_history/[A-Za-z0-9.-]+$')"

Invariant: E9.reason
Description: "An agency that does not agree says why: set `statusReason`."
Severity: #error
Expression: "status != 'rejected' or statusReason.exists()"

Invariant: E9.person
Description: "The agreement to a person's plan is about that person: set `for`. The agreement to a pathway is about nobody: leave `for` out."
Severity: #error
Expression: "for.exists() xor focus.reference.contains('PlanDefinition/')"

Invariant: TIM-9
Description: "An active crisis plan says when it is reviewed: set the extension `review-date`."
Severity: #error
Expression: "status != 'active' or extension('https://baton.example/fhir/StructureDefinition/review-date').exists()"

Invariant: DIS.consent
Description: "The authority of a disclosure is a Consent in its exact version: refer to it as `Consent/id/_history/version`."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/authority').value.reference.all(matches('^([^#]*/)?Consent/[A-Za-z0-9.-]+/_history/[A-Za-z0-9.-]+$'))"

Invariant: DIS.basis
Description: "A lawful basis other than `direct-care` needs its justification: set the `text` of the CodeableConcept."
Severity: #error
Expression: "extension('https://baton.example/fhir/StructureDefinition/authority').value.where(coding.where(system = 'https://baton.example/fhir/CodeSystem/lawful-basis' and code != 'direct-care').exists()).all(text.exists())"

Invariant: DIS.payload
Description: "What was disclosed is named in its exact version: refer to it as `Type/id/_history/version`."
Severity: #error
Expression: "content.reference.all(matches('^([^#]*/)?[A-Z][A-Za-z]+/[A-Za-z0-9.-]+/_history/[A-Za-z0-9.-]+$'))"

Invariant: DIS.type
Description: "A data request says what is asked for: add an input `record-type` for each type of record."
Severity: #error
Expression: "input.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-input' and code = 'record-type').exists()).exists()"

Invariant: DIS.purpose
Description: "A data request says what it is for: add an input `purpose` with a purpose of use."
Severity: #error
Expression: "input.where(type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-input' and code = 'purpose').exists()).exists()"

Invariant: DIS.why
Description: "A data request says why: write it as `reasonCode.text`."
Severity: #error
Expression: "reasonCode.text.exists()"

Invariant: DIS.approver
Description: "A request that claims a lawful basis is approved by a named person: set `owner` to a PractitionerRole."
Severity: #error
Expression: "status != 'completed' or input.type.coding.where(system = 'https://baton.example/fhir/CodeSystem/task-input' and code = 'sharing-authority').empty() or owner.reference.matches('^([^#]*/)?PractitionerRole/[A-Za-z0-9.-]+(/_history/[A-Za-z0-9.-]+)?$')"
