"""May they. Pure and total: never raises, never reads a clock or a database, always says why."""
