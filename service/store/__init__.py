"""Speaks MongoDB and decides nothing."""
