"""Credential providers and sessions in the form that other libraries expect."""
