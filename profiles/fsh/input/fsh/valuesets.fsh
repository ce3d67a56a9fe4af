ValueSet: ConsentRecipientRole
Id: consent-recipient-role
Title: "Roles of a Consent's recipients"
Description: "Actor roles that name who a provision is about (consent rules, section 2.4)."
* insert Published
* http://terminology.hl7.org/CodeSystem/v3-ParticipationType#IRCP
* http://terminology.hl7.org/CodeSystem/v3-ParticipationType#PRCP
* http://terminology.hl7.org/CodeSystem/v3-RoleCode#GRANTEE
