"""Baton: responsibility between agencies, made explicit in FHIR R4."""
