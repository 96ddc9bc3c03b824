"""Translates the identity pool's errors into sentences that say what happened and what to do.

`client.py` calls it for each error. No message shows a token or an AWS key, even if AWS's own message does.

Sources: the Errors sections of GetId and GetCredentialsForIdentity in the API reference of Amazon Cognito Federated
Identities; the texts as seen in public reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError, SSLError

from ..._printable import one_line
from ..._util.durations import duration_in_words
from ..._util.timeouts import parse_retry_after
from ...errors import SIGN_IN_AGAIN, CredentialsError, IdTokenExpiredError, UnavailableError, UnknownProviderError

_REPORTED_CLOCK_SKEW = 60.0
"""Seconds from which a wrong clock is mentioned, as the likely cause."""
# AWS's names of it. 429 is botocore's code for a response that names no other. LimitExceededException is not one: it
# means that there are too many of something.
_THROTTLED = frozenset(
    {
        "429",
        "RequestThrottled",
        "RequestThrottledException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_TEMPORARY = frozenset({"ExternalServiceException", "InternalErrorException"})
"""Errors that pass, beside throttling and each HTTP status from 500."""
_EXPIRED = "Token expired"
_UNKNOWN_PROVIDER = ("not from a supported provider", "doesn't match providerName")
_CONTACT_ADMINISTRATOR = "Ask the administrator of the identity pool"
_TRY_AGAIN = "Try again in a minute."
_CHECK_IDS = (
    "Check identity_pool_id, user_pool_id and client_id: the pool must list this user pool and this app client."
)

# A part of AWS's message, what it means, and what to do.
_NOT_AUTHORIZED = (
    (_EXPIRED, "the id token has expired.", SIGN_IN_AGAIN),
    ("not from a supported provider", "it does not know this user pool's app client.", _CHECK_IDS),
    (
        "doesn't match providerName",
        "the token is from another user pool.",
        "Check user_pool_id and region, then sign in again.",
    ),
    (
        "Logins don't match",
        "this sign-in does not belong to it; identity_pool_id may be that of another application.",
        _CHECK_IDS,
    ),
    (
        "Missing a required claim",
        "the token lacks a claim that an id token has; an access token may have been passed instead.",
        "Pass the id token, or none: get_credentials() uses that of the sign-in.",
    ),
    ("Couldn't verify signed token", "it could not verify the id token.", SIGN_IN_AGAIN),
    ("Access to Identity", "the identity belongs to another user.", SIGN_IN_AGAIN),
    ("Unauthenticated access is not supported", "it received no sign-in.", "Check user_pool_id, and sign in again."),
    (
        "ambiguous role mapping",
        "no role follows from its rules.",
        f"Choose a role with --role-suffix, or role_suffix=. {_CONTACT_ADMINISTRATOR} for a rule that fits you.",
    ),
)

# What an error of this name means, and what to do.
_MALFORMED = (
    "The identity pool finds a value of the request malformed: {text}",
    "Check identity_pool_id and user_pool_id, character for character.",
)
_FINAL = {
    "ResourceNotFoundException": ("There is no such identity pool in {region}.", "Check identity_pool_id and region."),
    "InvalidIdentityPoolConfigurationException": (
        "The identity pool cannot assume the role.",
        f"{_CONTACT_ADMINISTRATOR} to check the role's trust policy: it must name the identity pool.",
    ),
    "ValidationException": _MALFORMED,
    "InvalidParameterException": _MALFORMED,
    "LimitExceededException": (
        "A limit of the AWS account or of the identity pool is reached: {text}",
        f"{_CONTACT_ADMINISTRATOR} to raise it; to wait does not help.",
    ),
    "ResourceConflictException": (
        "This sign-in is linked to another identity of the identity pool.",
        f"{_CONTACT_ADMINISTRATOR} to unlink it.",
    ),
}


def is_throttled(response: Mapping[str, Any]) -> bool:
    """Returns whether a response means that AWS received too many requests: HTTP 400 with an error code of its own.

    Args:
        response: As botocore parsed it.
    """
    return str(response.get("Error", {}).get("Code")) in _THROTTLED


def translate_client_error(error: ClientError, region: str, clock_skew: float) -> UnavailableError | CredentialsError:
    """Returns this package's error for one of AWS: an UnavailableError only if it passes without anybody's doing.

    Args:
        error: As botocore raised it.
        region: The identity pool's region.
        clock_skew: Seconds by which AWS's clock is ahead of this machine's.
    """
    details: Mapping[str, Any] = error.response.get("Error", {})
    code, text = str(details.get("Code", "unknown")), str(details.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    temporary = is_throttled(error.response) or code in _TEMPORARY or status >= 500
    what, remedy = _explain_temporary(code, text, status) if temporary else _explain_final(code, text, region)
    if abs(clock_skew) >= _REPORTED_CLOCK_SKEW:
        direction = "behind" if clock_skew > 0 else "ahead of"
        skew = duration_in_words(abs(clock_skew))
        remedy = f"This machine's clock is {skew} {direction} AWS's: correct it. {remedy}"
    kind = UnavailableError if temporary else CredentialsError
    if code == "NotAuthorizedException" and _EXPIRED in text:
        kind = IdTokenExpiredError
    elif code == "NotAuthorizedException" and any(each in text for each in _UNKNOWN_PROVIDER):
        kind = UnknownProviderError
    headers: Mapping[str, Any] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return kind(f"{what.removesuffix('.')} ({code}).", remedy, parse_retry_after(headers.get("retry-after")))


def _explain_temporary(code: str, text: str, status: int) -> tuple[str, str]:
    """Returns what happened and what to do, for an error that passes."""
    if code in _THROTTLED:
        return "AWS receives too many requests at the moment.", _TRY_AGAIN
    if code == "ExternalServiceException":
        return "A service that the identity pool depends on does not respond.", _TRY_AGAIN
    detail = f": {_printable(text)}" if text and not _is_web_page(text) else f": HTTP {status}."
    return f"The identity pool is failing{detail}", _TRY_AGAIN


def _explain_final(code: str, text: str, region: str) -> tuple[str, str]:
    """Returns what happened and what to do, for an error that stays until a user or an administrator does something."""
    if code == "NotAuthorizedException":
        return _explain_not_authorized(text)
    if code == "ResourceNotFoundException" and text.startswith("Identity "):
        return "The identity pool does not know your identity any more.", SIGN_IN_AGAIN
    if code in _FINAL:
        what, remedy = _FINAL[code]
        return what.format(text=_printable(text), region=region), remedy
    if _is_web_page(text):
        return (
            "A firewall or proxy sent a web page in place of the identity pool's response.",
            "Check HTTPS_PROXY, or ask the administrator of your network.",
        )
    return (
        f"The identity pool refused the request{f': {_printable(text)}' if text else '.'}",
        f"{_CONTACT_ADMINISTRATOR}, and show this message.",
    )


def _explain_not_authorized(text: str) -> tuple[str, str]:
    for part, meaning, remedy in _NOT_AUTHORIZED:
        if part in text:
            return f"The identity pool refused the sign-in: {meaning}", remedy
    return (
        f"The identity pool refused the sign-in: {_printable(text) or 'without a reason'}",
        f"{_CONTACT_ADMINISTRATOR} whether you may use this role; %cognito_roles lists the roles of your sign-in.",
    )


def _is_web_page(text: str) -> bool:
    # botocore takes a body that is not JSON for the message.
    return text.lstrip().startswith("<")


def translate_network_error(error: Exception, region: str) -> UnavailableError:
    """Returns this package's error for a failed request. It names only the kind: the text may hold what was sent.

    Args:
        error: As botocore raised it.
        region: The identity pool's region.
    """
    if isinstance(error, SSLError):
        from ..._util.http.ca_bundle import botocore_ca_bundle, explain_tls_error

        reason, remedy = explain_tls_error(botocore_ca_bundle())
        return UnavailableError(
            f"The TLS certificate of the identity pool in {region} could not be verified{reason}.", remedy
        )
    kind = type(error).__name__
    return UnavailableError(
        f"The identity pool in {region} could not be reached, or its response could not be read ({kind}).",
        "Check the network and HTTPS_PROXY, then try again.",
    )


def clock_skew_from_response(response: Any, now: float) -> float:
    """Returns the seconds by which AWS's clock is ahead, from the Date header (RFC 9110, section 6.6.1).

    Args:
        response: As botocore returned it.
        now: Seconds since the epoch, by this machine's clock, when it arrived.

    Returns:
        0 within two seconds, which the header's precision and the network explain.
    """
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(response, dict) else {}
    try:
        skew = parsedate_to_datetime(str(headers.get("date", ""))).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return skew if abs(skew) > 2 else 0.0


def _printable(text: str) -> str:
    """Returns AWS's message as one line, shortened and without tokens."""
    plain = one_line(text)
    return plain if plain.endswith(".") else f"{plain}."
