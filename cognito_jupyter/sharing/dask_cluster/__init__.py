"""Credentials for the workers of a Dask cluster. The folder is not called `dask`: `sharing.dask` is a function."""
