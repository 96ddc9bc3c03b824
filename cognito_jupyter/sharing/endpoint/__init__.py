"""The credentials endpoint on loopback, and the environment that leads to it."""
