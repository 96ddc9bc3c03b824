"""What the shares with Dask and Ray clusters have in common; it imports neither of them."""
