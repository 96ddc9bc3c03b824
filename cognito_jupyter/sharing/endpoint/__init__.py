"""The container-credentials endpoint on loopback: one child process that serves AWS SDKs on this machine."""
