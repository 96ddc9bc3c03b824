"""Clients that others wrote use the stand-in, and our client uses an OpenID provider that others wrote."""
