"""The store of sign-ins on this computer: what is stored, how its text looks, and how its files are protected."""
