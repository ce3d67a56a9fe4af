"""Every canonical URL and code system that the service uses: our own under one base, HL7's, SNOMED's and the NHS's.

No other module spells a canonical URL. The codes of Baton's own Tasks are an enum, because each code has its rules: every code
has a machine in `service.care.registry`, and the published CodeSystem `task-code` has exactly the codes of the enum.
"""

from __future__ import annotations

from enum import StrEnum

BASE = "https://baton.example/fhir"


def structure(id: str) -> str:
    """The canonical URL of a profile or extension of our own."""
    return f"{BASE}/StructureDefinition/{id}"


def system(id: str) -> str:
    """The canonical URL of a code system of our own."""
    return f"{BASE}/CodeSystem/{id}"


def dataset(name: str) -> str:
    """The canonical URL of a minimum dataset's Questionnaire (care rules, section 4)."""
    return f"{BASE}/Questionnaire/mds-{name}"


def pathway(name: str) -> str:
    """The canonical URL of a pathway's PlanDefinition (GOV-3)."""
    return f"{BASE}/PlanDefinition/pathway-{name}"


class TaskCode(StrEnum):
    """The codes of our CodeSystem `task-code`: the kinds of Task that Baton has."""

    HANDOVER = "handover"
    AGREE_PLAN = "agree-plan"
    CLARIFICATION = "clarification"
    ABORT = "abort"
    ESCALATION = "escalation"
    FOLLOW_UP = "follow-up"
    WELFARE_CHECK = "welfare-check"
    SAFEGUARDING_CONSIDERATION = "safeguarding-consideration"
    SAFEGUARDING = "safeguarding"
    OVERRIDE_REVIEW = "override-review"
    DATA_REQUEST = "data-request"
    ACTED_UPON = "acted-upon"
    STOP_USE = "stop-use"
    CONFIRM_ROLE = "confirm-role"
    ROLE = "role"
    TRIAGE = "triage"
    APPROVE = "approve"
    ESCALATION_REVIEW = "escalation-review"
    BRIEF_REVIEW = "brief-review"
    TAPER_STEP = "taper-step"
    READINESS = "readiness"
    JOINT_REVIEW = "joint-review"
    ACTION = "action"
    IMPROVEMENT = "improvement"
    PLAN_REVIEW = "plan-review"
    IDENTITY_REVIEW = "identity-review"
    ALERT = "alert"
    ALLOCATION = "allocation"
    MERGE_PLAN = "merge-plan"
    DECISION_REVIEW = "decision-review"
    STRUCTURED_REVIEW = "structured-review"


AGENDA_REASON = system("agenda-reason")
AUDIT_TYPE = system("audit-type")
BUSINESS_STATUS = system("business-status")
COMMUNICATION_CATEGORY = system("communication-category")
DATASET_ANSWER = system("dataset-answer")
DEADLINE_PRIORITY = system("deadline-priority")
DECISION = system("decision")
DISCLOSURE_CATEGORY = system("disclosure-category")
ESCALATION_THRESHOLD = system("escalation-threshold")
EVENT_KIND = system("event-kind")
FLAG_CATEGORY = system("flag-category")
IDENTITY_DECISION = system("identity-decision")
LAWFUL_BASIS = system("lawful-basis")
LAWFUL_BASES = frozenset(
    (
        "direct-care",
        "vital-interests",
        "safeguarding",
        "public-interest",
        "legal-duty",
        "best-interests",
        "explicit-consent-elsewhere",
    )
)
"""The codes of `lawful-basis` (care rules, section 4)."""
LEGAL_GROUND = system("legal-ground")
MEETING_ROLE = system("meeting-role")
MEETING_TYPE = system("meeting-type")
OBLIGATION = system("obligation")
INCIDENT = system("incident")
OVERRIDE_DECISION = system("override-decision")
OVERRIDE_KIND = system("override-kind")
OBSERVATION_CATEGORY = system("observation-category")
PATHWAY_PART = system("pathway-part")
PROVENANCE_ACTIVITY = system("provenance-activity")
RECORD_MARK = system("record-mark")
REQUEST_CATEGORY = system("request-category")
RULE_ID = system("rule")
OVERALL_COORDINATION = "overall-coordination"
SERVICE_CATEGORY = system("service-category")
SCOPE = system("scope-of-responsibility")
STATUS_REASON = system("status-reason")
TAG = system("tag")
TASK_CODE = system("task-code")
TASK_INPUT = system("task-input")
TASK_OUTPUT = system("task-output")
TRIAGE_OUTCOME = system("triage-outcome")

ADDED_BY = structure("added-by")
"""Extension on an agenda's entry (valueReference Organization): who put it there. Only the service writes it."""
ADVISORY = structure("advisory")
"""Extension on a meeting (valueBoolean): it ended without those whom its forum needs (MTG-2). Only the service writes it."""
AGENDA = structure("baton-agenda")
AUTHORITY = structure("authority")
CADENCE = structure("cadence")
"""Extension on a forum (valueTiming): how often it is held (MTG-1)."""
CONTACT_PLAN = structure("baton-contact-plan")
DECIDED = structure("decision")
"""Extension on a `decision` (valueCodeableConcept): what a meeting decided about an entry of its agenda."""
DISCLOSURE = structure("baton-disclosure")
DURATION = structure("duration")
"""Extension on a `decision` (valueDuration or valueString): how long a restrictive measure lasts."""
EARLY_WARNING_SIGN = structure("early-warning-sign")
"""Extension on CarePlan (valueCodeableConcept): a sign that the person is becoming unwell (EWS-1)."""
FORUM = structure("forum")
"""Extension on a meeting, or on what waits for one (valueReference HealthcareService): the forum that it is of (MTG-1)."""
FORUM_KIND = structure("forum-kind")
"""Extension on a forum (valueCode or valueCodeableConcept): the kind of its meetings."""
GRACE = structure("grace")
"""Extension on a forum (valueDuration): how much later than its cadence it may be held."""
HELD_FROM = structure("held-from")
"""Extension on a Task on hold (valueCode): the status from which the Task is held. Only the service writes the extension."""
IN_FORCE = structure("in-force")
"""Extension on a pathway's PlanDefinition (valueDateTime): since when this version is in force. Only the service writes it."""
LEAD_AGENCY = structure("lead-agency")
MEETING = structure("baton-meeting")
PARTICIPANT_AGENCY = structure("participant-agency")
"""Extension on CareTeam.participant (valueReference Organization): the Organization for which the member acted then. `onBehalfOf`
cannot name it: invariant ctm-1 allows `onBehalfOf` only for members that are Practitioners, and OWN-2 needs the PractitionerRole.
"""
PARTNER_ROLE = structure("partner-role")
PATHWAY_VERSION = structure("pathway-version")
"""Extension on a `decision` (valueCanonical): the version of the pathway that it was taken under (MTG-4)."""
PROPORTIONALITY = structure("proportionality")
"""Extension on a `decision` (valueString): why a restrictive measure is proportionate."""
PROPOSED_LEAD = structure("lead")
"""Extension on a `decision` (valueReference PractitionerRole): who is proposed to lead."""
RECEIVER = structure("receiver")
"""Extension on a `decision` (valueReference Organization): who is asked to take the person on."""
REQUIRED_ROLE = structure("required-role")
"""Extension on a forum (valueCodeableConcept): a role or sector without which it decides nothing (MTG-2)."""
REVIEW = structure("review")
"""Extension on a `decision` (valueDate): the date to which it is deferred, or on which it is reviewed."""
SHARING_AUTHORITY = structure("sharing-authority")
"""Extension on a request (Consent or lawful basis): on what authority it is shared, where consent alone does not decide."""
GOALS_BY = structure("goals-by")
REASSESSMENT_REASON = structure("reassessment-reason")
PATHWAY_COUNT = structure("pathway-count")
"""Extension on the input of a pathway's action (valuePositiveInt): how many."""
PATHWAY_ROUTE = structure("pathway-route")
"""Extension on a pathway's action: whom an escalation reaches, and at which hours of the week (ESC-1)."""

ENGAGEMENT = structure("engagement")
"""Extension on a Task (EQU-2): how its person is met, and the dataset that says so. Only the service writes the extension."""
STATUS_REASON_EXTENSION = structure("status-reason")
"""Extension on a ServiceRequest, EpisodeOfCare or CarePlan (valueCodeableConcept): why it has its status; R4 has no element. On a
merge's input `ended-goal`: why the goal ends (OUT-1).
"""

SNOMED = "http://snomed.info/sct"
CARE_COORDINATOR = "768820003"
CARE_PLAN = "734163000"
CRISIS_PLAN = "736253002"

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
NHS_NUMBER_VERIFICATION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"

R4 = "http://hl7.org/fhir"
R4_STRUCTURE = f"{R4}/StructureDefinition/"
R4_VALUE_SET = f"{R4}/ValueSet/"
EPISODE_OF_CARE = f"{R4_STRUCTURE}workflow-episodeOfCare"
"""HL7's extension that ties a CarePlan to its EpisodeOfCare (R4 CarePlan has no such element)."""
REQUEST_STATUS_REASON = f"{R4_STRUCTURE}request-statusReason"
"""HL7's extension for the same of a ServiceRequest."""
RESOURCE_TYPES = f"{R4}/resource-types"
RESTFUL_INTERACTION = f"{R4}/restful-interaction"
FHIRPATH = f"{R4}path/"
ALLOWED_TYPE = f"{R4_STRUCTURE}operationdefinition-allowed-type"
VALIDATE = f"{R4}/OperationDefinition/Resource-validate"
INLINE_LABEL = f"{R4}/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

HL7 = "http://terminology.hl7.org/CodeSystem"
ACT_CODE = f"{HL7}/v3-ActCode"
ACT_REASON = f"{HL7}/v3-ActReason"
AUDIT_ENTITY_TYPE = f"{HL7}/audit-entity-type"
AUDIT_EVENT_TYPE = f"{HL7}/audit-event-type"
CONFIDENTIALITY = f"{HL7}/v3-Confidentiality"
CONSENT_ACTION = f"{HL7}/consentaction"
OBJECT_ROLE = f"{HL7}/object-role"
OBSERVATION_VALUE = f"{HL7}/v3-ObservationValue"
PARTICIPATION = f"{HL7}/v3-ParticipationType"
PROVENANCE_PARTICIPANT = f"{HL7}/provenance-participant-type"
RESTFUL_SECURITY = f"{HL7}/restful-security-service"
ROLE_CODE = f"{HL7}/v3-RoleCode"
PATIENT_ROLE = f"{HL7}/v3-RoleClass"
USAGE_CONTEXT = f"{HL7}/usage-context-type"

LOINC = "http://loinc.org"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
MEDIA_TYPES = "urn:ietf:bcp:13"
URIS = "urn:ietf:rfc:3986"
LANGUAGES = "urn:ietf:bcp:47"
UCUM = "http://unitsofmeasure.org"
CLINICAL_SYSTEMS = (
    *(SNOMED, LOINC, UCUM, MEDIA_TYPES),
    *(f"{R4}/sid/{name}" for name in ("icd-9-cm", "icd-10", "icd-10-cm", "icpc-2", "cvx", "ndc")),
    *("http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.ama-assn.org/go/cpt"),
    *("https://dmd.nhs.uk", "http://www.whocc.no/atc"),
)
"""Code systems of others, as R4's registry and the NHS spell them in records."""
PCF_POLICY = "https://profiles.ihe.net/ITI/PCF/Policy-"
"""The start of the URIs of the policies that a Consent may name (IHE Privacy Consent on FHIR)."""
