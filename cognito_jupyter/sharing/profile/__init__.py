"""Profiles in the AWS config file that use a remembered sign-in."""
