"""Disclosures: which records are disclosed to which agency, on what authority, and the account of every disclosure."""
