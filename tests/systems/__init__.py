"""The package on simulated Windows and macOS: what Linux can show of how it behaves there."""
