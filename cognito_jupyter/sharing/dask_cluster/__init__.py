"""Credentials for the workers of a Dask cluster."""
