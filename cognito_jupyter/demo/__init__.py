"""The demo: a local Cognito, S3 and JupyterLab with the guide's notebooks, and its check without a screen."""
