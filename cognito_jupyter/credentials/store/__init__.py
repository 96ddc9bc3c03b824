"""The sign-in stored on this computer."""
