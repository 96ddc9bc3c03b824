"""AWS behind the identity pool: moto in a child process, and the proxy that authorizes requests to it."""
