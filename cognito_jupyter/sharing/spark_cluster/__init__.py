"""Credentials for Spark's driver and executors. The folder is not called `spark`: `sharing.spark` is a function."""
