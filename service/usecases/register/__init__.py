"""The operator's use cases: the register of agencies and sharing agreements, and the check that the stored records are sound."""
