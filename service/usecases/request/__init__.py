"""One request: who the caller is, what the caller may see, what the request would change, and what the audit trail records."""
