"""What a client asks of records: read, search, write, batch, load. They speak through `rules`."""
