"""Reads a CloudFormation template, so that a local Cognito can be what an administrator deploys."""
