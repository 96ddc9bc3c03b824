"""Translates the identity pool's errors into sentences that say what happened and what to do.

`client.py` calls it for each error. No message shows a token or an AWS key, even if AWS's own message does.

Sources: the Errors sections of GetId and GetCredentialsForIdentity in the API reference of Amazon Cognito Federated
Identities; the texts as seen in public reports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from ..._util.durations import duration_in_words
from ..._util.timeouts import parse_retry_after
from ...errors import CredentialsError, IdTokenExpiredError, UnavailableError

_REPORTED_CLOCK_SKEW = 60.0
"""Seconds from which a wrong clock is mentioned, as the likely cause."""
_JWT = re.compile(r"eyJ[\w-]*(?:\.[\w-]*)*")
# 429 is botocore's code for a response that names no other.
_THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "LimitExceededException", "429"})
_EXPIRED = "Token expired"
_CONTACT_ADMINISTRATOR = "Ask the administrator of the identity pool"

# A part of AWS's message, what it means, and what to do.
_NOT_AUTHORIZED = (
    (_EXPIRED, "the id token has expired.", "Sign in again."),
    (
        "not from a supported provider",
        "it does not know this user pool's app client.",
        "Check identity_pool_id, user_pool_id and client_id: the pool must list this user pool and this app client.",
    ),
    (
        "doesn't match providerName",
        "the token is from another user pool.",
        "Check user_pool_id and region, then sign in again.",
    ),
    ("Couldn't verify signed token", "it could not verify the id token.", "Sign in again."),
    ("Access to Identity", "the identity belongs to another user.", "Sign in again."),
    ("Unauthenticated access is not supported", "it received no sign-in.", "Check user_pool_id, and sign in again."),
    (
        "ambiguous role mapping",
        "no role follows from its rules.",
        f"Choose a role with --role-suffix, or role_suffix=. {_CONTACT_ADMINISTRATOR} for a rule that fits you.",
    ),
)


def translate_client_error(error: ClientError, region: str, clock_skew: float) -> UnavailableError | CredentialsError:
    """Returns this package's error for one of AWS.

    Args:
        error: As botocore raised it.
        region: The identity pool's region.
        clock_skew: Seconds by which AWS's clock is ahead of this machine's.
    """
    details: Mapping[str, Any] = error.response.get("Error", {})
    code, text = str(details.get("Code", "unknown")), str(details.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    what, remedy = _explain(code, text, region)
    if abs(clock_skew) >= _REPORTED_CLOCK_SKEW:
        direction = "behind" if clock_skew > 0 else "ahead of"
        skew = duration_in_words(abs(clock_skew))
        remedy = f"This machine's clock is {skew} {direction} AWS's: correct it. {remedy}"
    kind = UnavailableError if code in _THROTTLED or status >= 500 else CredentialsError
    if code == "NotAuthorizedException" and _EXPIRED in text:
        kind = IdTokenExpiredError
    headers: Mapping[str, Any] = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return kind(f"{what.removesuffix('.')} ({code}).", remedy, parse_retry_after(headers.get("retry-after")))


def _explain(code: str, text: str, region: str) -> tuple[str, str]:
    """Returns what happened and what to do."""
    if code in _THROTTLED:
        return "AWS receives too many requests at the moment.", "Try again in a minute."
    if code == "ResourceNotFoundException":
        return f"There is no such identity pool in {region}.", "Check identity_pool_id and region."
    if code == "InvalidIdentityPoolConfigurationException":
        return (
            "The identity pool cannot assume the role.",
            f"{_CONTACT_ADMINISTRATOR} to check the role's trust policy: it must name the identity pool.",
        )
    if code == "NotAuthorizedException":
        for part, meaning, remedy in _NOT_AUTHORIZED:
            if part in text:
                return f"The identity pool refused the sign-in: {meaning}", remedy
        return (
            f"The identity pool refused the sign-in: {_printable(text)}",
            f"{_CONTACT_ADMINISTRATOR} whether you may use this role; %cognito_roles lists the roles of your sign-in.",
        )
    return f"The identity pool returned an error{f': {_printable(text)}' if text else '.'}", "Try again in a minute."


def translate_network_error(error: Exception, region: str) -> UnavailableError:
    """Returns this package's error for a failed request. It names only the kind: the text may hold what was sent.

    Args:
        error: As botocore raised it.
        region: The identity pool's region.
    """
    kind = type(error).__name__
    return UnavailableError(
        f"The identity pool in {region} could not be reached, or its response could not be read ({kind}).",
        "Check the network, HTTPS_PROXY and AWS_CA_BUNDLE, then try again.",
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
    plain = _JWT.sub("...", " ".join(text.split()))[:200]
    return plain if plain.endswith(".") else f"{plain}."
