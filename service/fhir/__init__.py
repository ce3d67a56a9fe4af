"""The language: JSON, validation, search parameters, outcomes. Pure."""
