"""The tokens of the user pool: what they say, who issues them, and how they are signed."""
