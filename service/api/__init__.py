"""Speaks HTTP and decides nothing: parses requests into calls of use cases, and their answers into responses."""
