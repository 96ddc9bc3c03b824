"""Signing in, for the notebook and the command line alike: restore or log in, adopt the tokens, select the role."""
