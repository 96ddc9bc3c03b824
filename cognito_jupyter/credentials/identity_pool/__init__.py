"""The identity pool: tokens in, AWS credentials out."""
