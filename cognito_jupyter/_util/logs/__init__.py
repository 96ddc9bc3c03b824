"""Keeps secrets out of what other packages log."""
