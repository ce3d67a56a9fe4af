"""Consents: writing a Consent, the consequences of its end, questions about consent decisions, and overrides of consent."""
