"""The language FHIR R4: JSON, dates, references, codes, search, profiles, validation, outcomes. Pure."""
