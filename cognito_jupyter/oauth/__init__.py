"""The user pool: the OAuth 2.0 authorization code flow with PKCE at a Cognito domain.

It knows nothing of AWS credentials, notebooks or stored files.
"""
