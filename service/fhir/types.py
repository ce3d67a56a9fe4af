"""The resource types of R4, for rules that are pure and load no definitions; a test compares them with the definitions."""

TYPES = frozenset(
    """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
    BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
    ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
    CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement
    DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest
    EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
    FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization
    ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List
    Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge
    MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication
    MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition
    MessageHeader MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition
    OperationOutcome Organization OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson
    RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment
    RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition
    StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
    SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport
    TestScript ValueSet VerificationResult VisionPrescription
    """.split()  # noqa: SIM905 - a list that can be read
)
"""Every type of a resource that can be stored."""

CODED = frozenset(
    """
    Account ActivityDefinition AllergyIntolerance Appointment AuditEvent Basic CatalogEntry ChargeItem ChargeItemDefinition
    Claim ClaimResponse ClinicalImpression Composition Condition Contract Coverage DetectedIssue Device DeviceDefinition
    DeviceMetric DeviceRequest DiagnosticReport DocumentManifest DocumentReference Encounter EpisodeOfCare
    ExplanationOfBenefit Flag Group HealthcareService Immunization InsurancePlan Invoice Library List Location Measure Media
    Medication MedicationAdministration MedicationDispense MedicationKnowledge MedicationRequest MedicationStatement
    MedicinalProduct MedicinalProductInteraction NamingSystem Observation ObservationDefinition Organization
    OrganizationAffiliation PlanDefinition PractitionerRole Procedure Questionnaire RequestGroup RiskAssessment Schedule
    ServiceRequest Slot Specimen Substance SubstanceSpecification SupplyDelivery Task
    """.split()  # noqa: SIM905 - a list that can be read
)
"""The types with a code of what the record is: `code`, `code[x]`, `type`, `medication[x]`, `vaccineCode` or `serviceType`. Of any
other type (Patient, Goal, RelatedPerson) the type says it all."""
