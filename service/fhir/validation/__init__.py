"""Validation by StructureDefinition snapshots, compiled to closures. Knows R4's rules, and nothing of care or consent."""
