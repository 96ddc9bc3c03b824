"""The benchmarks: `nox -s bench` prints each beside its floor, as a ratio. Nothing here is a test."""
