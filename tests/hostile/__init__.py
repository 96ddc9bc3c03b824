"""Attempts of a hostile user, file, page or service, and how many of them hold: `python -m tests.hostile`."""
