"""The API of the user pool (cognito-idp), for boto3 and every other AWS SDK."""
