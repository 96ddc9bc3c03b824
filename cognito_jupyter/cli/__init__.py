"""The command `cognito-jupyter`, one module for each of its commands."""
