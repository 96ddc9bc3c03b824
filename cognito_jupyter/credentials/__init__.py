"""The identity pool: tokens become AWS credentials, one slot per role. Knows nothing of notebooks."""
