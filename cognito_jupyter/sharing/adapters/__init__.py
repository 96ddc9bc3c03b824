"""One adapter for each library that is not boto3."""
