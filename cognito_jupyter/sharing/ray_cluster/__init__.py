"""Credentials for the workers of a Ray cluster. The folder is not called `ray`: `sharing.ray` is a function."""
