"""Who is asking. Pure: knows no HTTP, no database, no clock."""
