"""Checks a set-up from the user's own machine: `cognito-jupyter doctor` and `%cognito_doctor`.

`examine.py` runs the checks in order, each module of checks looks at one thing, `report.py` holds what was found. It
needs no AWS credentials, sends a dozen requests at most and changes nothing; it prints nothing and stores nothing.
"""
