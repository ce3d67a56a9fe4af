"""What leaves for another agency, for whom, on what authority, and the account of it."""
