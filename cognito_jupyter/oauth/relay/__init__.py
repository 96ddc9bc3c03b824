"""The relay: a Jupyter server receives the redirect at its own address, and passes it to the kernel that waits for it.

The server's half is `server_extension`. Both halves run as the same user on the same machine: the server makes a folder
that only this user can enter, and names it in an environment variable that kernels inherit. A login listens there on a
Unix socket whose name is the hash of its state, so that a redirect finds its login and nothing else.
"""
