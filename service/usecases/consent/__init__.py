"""Consents, what follows from them, and the questions about them."""
