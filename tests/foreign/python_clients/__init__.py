"""The Python clients; `client_process.py` runs each of them in a process of its own."""
