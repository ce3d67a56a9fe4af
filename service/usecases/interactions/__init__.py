"""The interactions with records: read, search, write, validate, batch, load. Every write goes through the table in `rules`."""
