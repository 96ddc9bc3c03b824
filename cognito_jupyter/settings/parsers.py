"""One parser for each kind of setting: it returns the value in its one form, or raises a SettingError.

`settings.resolve` calls them for settings, oauth/ for the arguments of its public classes, the commands for options.
They never look at another setting, and make no request.

Sources: the patterns of UserPoolId, ClientId, IdentityPoolId in the API references of Amazon Cognito user pools and
identity pools; redirect URIs in the user pools' guide, "App client settings".
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from .._util.redaction import Secret
from ..errors import SettingError
from . import RoleSelection

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_TIMEOUT = 86_400.0
"""Seconds: no login page is valid for longer than a day."""
MAX_WAIT_FOR_SIGN_IN = 7 * 86_400.0
"""Seconds: a job that has waited for its user for a week has been forgotten."""
_MAX_TOKEN_DAYS = 3650

# Texts, which re compiles at their first use: a kernel that is restarted needs two of them.
_REGION = r"[a-z]{2,8}(?:-[a-z]+)+-\d{1,2}"
_USER_POOL_ID = rf"({_REGION})_[0-9A-Za-z]{{1,40}}"
_IDENTITY_POOL_ID = rf"({_REGION}):[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
_CLIENT_ID = r"[0-9A-Za-z_+]{1,128}"
_HOST_LABEL = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
# The suffix of each partition, ".com" in most: no public source names the one of the European Sovereign Cloud.
_COGNITO_HOST = rf"[0-9a-z-]+\.auth(?:-fips)?\.({_REGION})\.amazoncognito(?:\.[a-z]+){{1,3}}"
_CLIENT_SECRET = r"[\x21-\x7e]{1,256}"  # noqa: S105 - a pattern
_MAX_HINT_LENGTH = 256
"""Characters: AWS allows 32 for a provider's name, 40 for an identifier, 128 for a user name, 254 for an address."""
_SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]+"  # RFC 6749, section 3.3


def quote_for_message(value: object) -> str:
    """Returns a value as a message may show it: short, escaped, without the password that a URL may hold."""
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    without_userinfo = value.rpartition("@")[2]
    return repr(without_userinfo if len(without_userinfo) <= 80 else f"{without_userinfo[:80]}...")


def domain(value: object, *, full: bool = True) -> str:
    """Parses a Cognito domain: the bare host, or `http://` and the host for loopback.

    Args:
        value: The setting's value.
        full: Whether to refuse a host without a dot, which is usually the prefix of a domain.
    """
    text = _text(value, "the domain").rstrip("/")
    parts = _split_url(text if "://" in text else f"https://{text}")
    if parts is None or parts.path or parts.query or parts.scheme not in {"http", "https"}:
        raise _malformed(value, "a Cognito domain", "Write only the host: your-app.auth.us-east-1.amazoncognito.com.")
    host = parts.hostname or ""
    if host in LOOPBACK_NAMES:
        return f"http://{parts.netloc.lower()}" if parts.scheme == "http" else parts.netloc.lower()
    if parts.scheme == "http":
        raise SettingError(
            f"The domain {quote_for_message(value)} is plain http: anyone on the network could read the password.",
            "Use https; http is only for a local Cognito on loopback.",
        )
    if full and "." not in host:
        raise _malformed(value, "a full domain", f"Write all of it: {host}.auth.us-east-1.amazoncognito.com.")
    return parts.netloc.lower()


def origin(cognito_domain: str) -> str:
    """Returns the origin of a Cognito domain: its scheme, host and port.

    Args:
        cognito_domain: "your-app.auth.us-east-1.amazoncognito.com", with or without https://; http:// only for
            loopback.

    Raises:
        SettingError: It is not a domain, or it is plain http to another machine.
    """
    text = domain(cognito_domain, full=False)
    return text if "://" in text else f"https://{text}"


def domains(value: object) -> tuple[str, ...]:
    """Parses a list of allowed domains, at least one."""
    if not isinstance(value, list | tuple) or not value:
        raise _malformed(value, "a list of domains", 'Write it as ["your-app.auth.us-east-1.amazoncognito.com"].')
    return tuple(domain(each) for each in value)


def region(value: object) -> str:
    """Parses an AWS region's name."""
    return _matching(_REGION, value, "an AWS region", "Write its short name, such as us-east-1.")


def user_pool_id(value: object) -> str:
    """Parses a user pool's id."""
    remedy = "Copy it from the user pool's overview: it looks like us-east-1_AbCdEf123."
    return _matching(_USER_POOL_ID, value, "a user pool id", remedy)


def identity_pool_id(value: object) -> str:
    """Parses an identity pool's id."""
    remedy = "Copy it from the identity pool's overview: it looks like us-east-1:01234567-89ab-cdef-0123-456789abcdef."
    return _matching(_IDENTITY_POOL_ID, value, "an identity pool id", remedy)


def client_id(value: object) -> str:
    """Parses an app client's id."""
    remedy = "Copy it from the user pool's app client: about 26 letters and digits."
    return _matching(_CLIENT_ID, value, "an app client id", remedy)


def redirect_uris(value: object, *, registrable: bool = True) -> str:
    """Parses one or more redirect URIs; each stays as it is, with one space between two.

    Args:
        value: The setting's value.
        registrable: Whether to refuse plain http to another machine, which Cognito does not register.
    """
    uris = _text(value, "the redirect URI").split()
    return " ".join(_redirect_url(uri, "a redirect URI", registrable) for uri in uris)


def logout_uri(value: object) -> str:
    """Parses the URL to which Cognito's logout page sends the browser."""
    return _redirect_url(_text(value, "the logout URI"), "a logout URI")


def scopes(value: object) -> str:
    """Parses the scopes, with one space between two; without `openid` there is no id token for AWS."""
    names = _text(value, "the scopes").split()
    if not all(re.fullmatch(_SCOPE, name) for name in names):
        raise _malformed(value, "a list of scopes", 'Write them with a space between: "openid email".')
    if "openid" not in names:
        raise SettingError(
            f"The scopes {quote_for_message(value)} lack openid, without which Cognito issues no id token.",
            'Add it: "openid email".',
        )
    return " ".join(names)


def client_secret(value: object) -> Secret:
    """Parses an app client's secret; no message shows it."""
    if isinstance(value, str):
        value = Secret(value.strip())
    if not isinstance(value, Secret) or not re.fullmatch(_CLIENT_SECRET, value.reveal().strip()):
        raise SettingError(
            "This is not an app client's secret.",
            "Copy it from the user pool's app client: about 52 letters and digits.",
        )
    return Secret(value.reveal().strip())


def identity_provider(value: object) -> str:
    """Parses the name of a user pool's identity provider."""
    return _hint(value, "an identity provider", "Write the provider's name as the user pool has it, such as Google.")


def idp_identifier(value: object) -> str:
    """Parses an identifier of a user pool's identity provider."""
    return _hint(value, "an identity provider's identifier", "Write it as the user pool has it, such as example.org.")


def login_hint(value: object) -> str:
    """Parses the user name or e-mail address that the sign-in page is to show already filled in."""
    return _hint(value, "a login hint", "Write the user name or e-mail address that you sign in with.")


def role_selection(value: object) -> RoleSelection:
    """Parses who chooses the role."""
    if value == "token" or value == "identity_pool":  # noqa: PLR1714 - mypy narrows only this form to the literals
        return value
    raise _malformed(value, "a way to select the role", 'Write "token" or "identity_pool".')


def role_suffix(value: object) -> str:
    """Validates the end of a role's ARN; an empty one would match every role."""
    if not isinstance(value, str) or not value.strip():
        raise SettingError("The role suffix is empty.", "Give the end of the role's name, or leave it out.")
    return value


def timeout(value: object) -> float:
    """Parses how long a login may take, in seconds."""
    remedy = f"Write the seconds that a sign-in may take: more than 0 and at most {MAX_TIMEOUT:.0f}."
    return _number(value, "seconds", MAX_TIMEOUT, remedy)


def refresh_token_days(value: object) -> float:
    """Parses how many days the app client's refresh tokens are valid; Cognito allows up to 10 years."""
    remedy = f"Write the refresh token expiration of the app client in days: more than 0 and at most {_MAX_TOKEN_DAYS}."
    return _number(value, "days", _MAX_TOKEN_DAYS, remedy)


def wait_for_sign_in(value: object) -> float:
    """Parses how long work waits for the user to sign in again, in seconds; 0: not at all."""
    remedy = f"Write the seconds that work waits for you to sign in again: 0 to {MAX_WAIT_FOR_SIGN_IN:.0f}."
    return _number(value, "seconds", MAX_WAIT_FOR_SIGN_IN, remedy, allow_zero=True)


def boolean(value: object) -> bool:
    """Parses true or false."""
    if not isinstance(value, bool):
        raise _malformed(value, "a yes or no", "Write true or false, without quotes.")
    return value


def profile_name(value: object) -> str:
    """Parses a profile's name."""
    return _text(value, "the profile")


def pool_region(pool_id: str, default: str = "") -> str:
    """Returns the region in a user pool's or an identity pool's id.

    Args:
        pool_id: The id, validated or not.
        default: What to return for an id that names no region.
    """
    match = re.match(rf"({_REGION})[_:]", pool_id)
    return match[1] if match else default


def aws_endpoint(url: str, source: str) -> str:
    """Parses the URL that moves an endpoint of Cognito.

    Args:
        url: The URL.
        source: What sets it, such as "AWS_ENDPOINT_URL".

    Returns:
        The URL without a slash at its end, and without a user name and password: no AWS client sends these, and they
        must not be shown.

    Raises:
        SettingError: It is no URL, or it is neither https nor loopback, so that others on the network could read tokens
            or supply other keys.
    """
    try:
        parts = urlsplit(url)
        host, valid = parts.hostname, parts.port != 0
    except ValueError:
        host, valid = None, False
    if not (host and valid and parts.scheme in {"http", "https"}):
        raise SettingError(f"{source} is not the URL of an endpoint.", "Correct it, or unset it.")
    if parts.scheme != "https" and host not in LOOPBACK_NAMES:
        raise SettingError(f"{source} is plain http to another machine.", "Use https, or unset it.")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def domain_region(host: str) -> str | None:
    """Returns the region in one of Cognito's own domains; None for a custom domain."""
    match = re.fullmatch(_COGNITO_HOST, host)
    return match[1] if match else None


def _split_url(text: str) -> SplitResult | None:
    """Splits a URL; returns None for an invalid host or port, a user name, a fragment or characters out of place."""
    # urlsplit drops tabs and line breaks silently: what is checked would not be what is used.
    if "#" in text or not text.isascii() or not text.isprintable() or any(c in text for c in ' \\"<>^`{|}'):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    valid_host = host == "::1" or all(re.fullmatch(_HOST_LABEL, label) for label in host.split("."))
    # With an empty port ("host:") the text would differ from what a browser sends back.
    if not valid_host or port == 0 or "@" in parts.netloc or parts.netloc.endswith(":"):
        return None
    return parts


def _redirect_url(uri: str, what: str, registrable: bool = True) -> str:
    parts = _split_url(uri)
    if parts is None or parts.scheme not in {"http", "https"}:
        remedy = "Write it exactly as it is registered with the app client, such as http://localhost:3000."
        raise _malformed(uri, what, remedy)
    if registrable and parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise SettingError(
            f"{quote_for_message(uri)} is plain http to another machine, which Cognito does not register.",
            "Use https, or http://localhost, http://127.0.0.1 or http://[::1] with a port.",
        )
    return uri


def _hint(value: object, what: str, remedy: str) -> str:
    """Parses text for the authorization URL: one line, without control characters, of a reasonable length."""
    text = _text(value, what.partition(" ")[2])
    if len(text) > _MAX_HINT_LENGTH or not text.isprintable():
        raise _malformed(value, what, remedy)
    return text


def _number(value: object, unit: str, maximum: float, remedy: str, *, allow_zero: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _malformed(value, f"a number of {unit}", remedy)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _malformed(value, f"a number of {unit}", remedy) from None
    if not 0 <= number <= maximum or (number == 0 and not allow_zero):  # the first is true of nan, too
        raise _malformed(str(value), f"a possible number of {unit}", remedy)
    return number


def _text(value: object, what: str) -> str:
    name = what[0].upper() + what[1:]  # capitalize() would write "Aws region"
    if not isinstance(value, str):
        raise SettingError(f"{name} is {quote_for_message(value)}, not text.", "Write it in quotes.")
    if not value.strip():
        raise SettingError(f"{name} is empty.", "Write a value, or remove the line.")
    return value.strip()


def _matching(pattern: str, value: object, what: str, remedy: str) -> str:
    text = _text(value, what.partition(" ")[2])
    if not re.fullmatch(pattern, text):
        raise _malformed(value, what, remedy)
    return text


def _malformed(value: object, what: str, remedy: str) -> SettingError:
    return SettingError(f"{quote_for_message(value)} is not {what}.", remedy)
