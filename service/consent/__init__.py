"""Decides whether a caller may see a record, and gives the reasons. Pure and total: never raises, reads no clock or database."""
