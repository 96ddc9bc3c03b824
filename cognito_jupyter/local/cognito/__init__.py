"""Amazon Cognito: the user pool, the identity pool, and their HTTP."""
