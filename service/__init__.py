"""Baton: a FHIR R4 service that records which agency is responsible for a person's care plan."""
