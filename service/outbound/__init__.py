"""Speaks to others: issuers' keys, partners' endpoints."""
