"""Calls other systems: fetches the keys of issuers, and speaks to the endpoints of partners."""
