"""Signing in outside of notebooks: what `cognito-jupyter login`, `logout` and `status` do."""
