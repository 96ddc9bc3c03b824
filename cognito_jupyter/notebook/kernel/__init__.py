"""What this package needs to know of the kernel."""
