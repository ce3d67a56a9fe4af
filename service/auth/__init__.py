"""Decides who sends a request and what their token allows. Pure: knows no HTTP, no database, no clock."""
