"""What the HTTP clients of this package have in common."""
