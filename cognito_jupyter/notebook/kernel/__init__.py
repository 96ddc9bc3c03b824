"""What the notebook needs to know of its kernel: the front end, the comm messages, and waiting in a cell."""
