RuleSet: Parameter(base, code, name, type, expression)
* url = "https://baton.example/fhir/SearchParameter/{base}-{code}"
* version = "0.1.0"
* name = "{name}"
* status = #active
* experimental = false
* publisher = "Baton"
* code = #{code}
* base = #{base}
* type = #{type}
* expression = "{expression}"
* xpathUsage = #normal

Instance: CarePlan-author
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(CarePlan, author, CarePlanAuthor, reference, CarePlan.author)
* description = "The owner of a care plan (OWN-1)."
* target[+] = #Patient
* target[+] = #Practitioner
* target[+] = #PractitionerRole
* target[+] = #Device
* target[+] = #RelatedPerson
* target[+] = #Organization
* target[+] = #CareTeam

Instance: CarePlan-owner-organization
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(CarePlan, owner-organization, CarePlanOwnerOrganization, reference, [[CarePlan.author.resolve().organization]])
* description = "The agency that owns a care plan: its author's organisation (OWN-1). Its keys come with the write, because only the PractitionerRole can tell them."
* target = #Organization

Instance: Task-owner-organization
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Task, owner-organization, TaskOwnerOrganization, reference, [[Task.owner.resolve().organization]])
* description = "The agency that owns a Task: its owner, or the owner's organisation. Its keys come with the write, because only the owner's record can tell them."
* target = #Organization

Instance: Task-due
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Task, due, TaskDue, date, Task.restriction.period.end)
* description = "When a Task is due: the end of its restriction period."

Instance: Task-status-reason
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Task, status-reason, TaskStatusReason, token, Task.statusReason)
* description = "Why a Task has its status."

Instance: CareTeam-participant-role
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(CareTeam, participant-role, CareTeamParticipantRole, token, CareTeam.participant.role)
* description = "The role of a member of a care team."

Instance: Flag-status
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Flag, status, FlagStatus, token, Flag.status)
* description = "The status of a Flag."

Instance: Flag-category
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Flag, category, FlagCategory, token, Flag.category)
* description = "The category of a Flag."

Instance: Communication-authority
InstanceOf: SearchParameter
Usage: #definition
* insert Parameter(Communication, authority, CommunicationAuthority, reference, [[Communication.extension('https://baton.example/fhir/StructureDefinition/authority').value]])
* description = "The Consent that a disclosure rests on (DIS)."
* target = #Consent
