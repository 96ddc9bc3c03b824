"""How threads wait for each other."""
