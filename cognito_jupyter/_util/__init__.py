"""Helpers for the whole package; they import nothing else of it, except `errors`."""
