"""AWS profiles that use a stored sign-in."""
