"""Folders of the user."""
