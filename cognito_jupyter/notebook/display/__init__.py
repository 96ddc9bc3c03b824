"""What the magics show."""
