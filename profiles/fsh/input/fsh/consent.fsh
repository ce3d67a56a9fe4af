Invariant: CONSENT.effect
Description: "A provision without a type cannot be decided: set `type` to `permit` or `deny` on every nested provision."
Severity: #error
Expression: "provision.provision.all(type.exists()) and provision.descendants().provision.all(type.exists())"

Profile: BatonConsent
Parent: Consent
Id: baton-consent
Title: "Consent"
Description: "A Consent that can be decided without doubt: whose, by whom, held by whom, since when, and an explicit effect on every provision (consent rules, sections 2 and 3)."
* insert Published
* patient 1..1
* patient only Reference(Patient)
* dateTime 1..1
* performer 1..*
* organization 1..*
* organization ^short = "The controller"
* provision 1..1
* provision.type 1..1
* provision.actor.role from ConsentRecipientRole (extensible)
* obeys CONSENT.effect

Profile: BatonDisclosure
Parent: Communication
Id: baton-disclosure
Title: "Disclosure"
Description: "That information about a person left for another agency: what, when, to whom, why and by what authority (DIS, E8)."
* insert Published
* extension contains Authority named authority 1..1
* category 1..*
* category from DisclosureCategoryValues (extensible)
* subject 1..1
* subject only Reference(Patient)
* sent 1..1
* sender 1..1
* recipient 1..*
* recipient only Reference(Organization)
* reasonCode 1..*
* reasonCode from $purpose-of-use (extensible)
* payload 1..*
* payload.content[x] only Reference
* payload obeys DIS.payload
* obeys DIS.consent and DIS.basis
