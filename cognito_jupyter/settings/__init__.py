"""The settings of a sign-in."""
