"""The demo: a local Cognito, JupyterLab and the notebooks."""
