"""The state of a notebook's sign-in; nothing here displays anything."""
