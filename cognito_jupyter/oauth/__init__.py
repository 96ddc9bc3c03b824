"""The user pool: OAuth 2.0 authorization code with PKCE at a Cognito domain.

Knows nothing of AWS credentials, notebooks or files.
"""
