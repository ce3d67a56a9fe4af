ValueSet: HandoverStatus
Id: handover-status
Title: "Handover status"
Description: "The states of the handover table (HOV-1), and entered-in-error."
* insert Published
* http://hl7.org/fhir/task-status#draft
* http://hl7.org/fhir/task-status#requested
* http://hl7.org/fhir/task-status#received
* http://hl7.org/fhir/task-status#accepted
* http://hl7.org/fhir/task-status#rejected
* http://hl7.org/fhir/task-status#cancelled
* http://hl7.org/fhir/task-status#in-progress
* http://hl7.org/fhir/task-status#on-hold
* http://hl7.org/fhir/task-status#failed
* http://hl7.org/fhir/task-status#completed
* http://hl7.org/fhir/task-status#entered-in-error

ValueSet: ConsentRecipientRole
Id: consent-recipient-role
Title: "Roles of a Consent's recipients"
Description: "Actor roles that name who a provision is about (consent rules, section 2.4)."
* insert Published
* http://terminology.hl7.org/CodeSystem/v3-ParticipationType#IRCP
* http://terminology.hl7.org/CodeSystem/v3-ParticipationType#PRCP
* http://terminology.hl7.org/CodeSystem/v3-RoleCode#GRANTEE
