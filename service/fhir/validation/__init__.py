"""Validation: StructureDefinition snapshots compiled to closures. Knows R4's rules, nothing of care or consent."""
