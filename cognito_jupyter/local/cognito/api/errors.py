"""The errors of the API of the user pool.

Their names are those of botocore's model; where a message is AWS's, a public source is named beside it.
"""

from __future__ import annotations


class ApiError(Exception):
    """An error response of the API.

    Args:
        error_type: The error's name, such as "UserNotFoundException".
        message: The message.
        status: The HTTP status.
    """

    def __init__(self, error_type: str, message: str, status: int = 400) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.message = message
        self.status = status


def not_authorized(message: str) -> ApiError:
    """Returns a NotAuthorizedException."""
    return ApiError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> ApiError:
    """Returns an InvalidParameterException."""
    return ApiError("InvalidParameterException", message)


def not_found(message: str) -> ApiError:
    """Returns a ResourceNotFoundException."""
    return ApiError("ResourceNotFoundException", message)


def not_here(what: str, others: object) -> ApiError:
    """Returns the error for what Cognito has and this server has not; AWS has no such error.

    Args:
        what: What was asked for.
        others: What there is instead.
    """
    return ApiError("NotImplementedException", f"The local Cognito has no {what}. It has {others}.", 501)
