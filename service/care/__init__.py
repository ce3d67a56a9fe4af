"""The domain's rules: ownership, handover, crisis plans, deadlines. Pure."""
