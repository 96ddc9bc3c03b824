"""The credential process of AWS's tools: a kept sign-in's credentials as JSON, alone on stdout.

In the usual case the store holds good credentials, and this is done before any other package would be loaded: AWS's
tools start it again and again. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import os
import sys
import time

from ..credentials.store import lines as store_lines, private_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..credentials.store.format import StoredCredentials, StoreKey
    from ..credentials.store.store import Store

USAGE = """usage: cognito-jupyter credential-process SIGN_IN [ROLE_ARN]

Prints the AWS credentials of a sign-in that is kept on this computer, as AWS's tools take them from a profile's
credential_process setting. It asks nobody anything; `cognito-jupyter login` signs in, and `cognito-jupyter status`
shows the name of the sign-in and its roles.

  SIGN_IN   the name of the kept sign-in, or the whole path of its file
  ROLE_ARN  the role; without it, the first one that the sign-in allows
"""

_ROLE_FIELD_COUNT = 10
_MAX_CLOCK_ERROR = 60.0
"""Seconds by which stored credentials may seem to live too long: more, and the clock was set back meanwhile."""
_LOGIN_HINT = "Run: cognito-jupyter login"


def main(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: SIGN_IN and, perhaps, ROLE_ARN.

    Returns:
        The exit code: 0 with the JSON on stdout, else 1, or 2 for wrong arguments, with nothing there.
    """
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(USAGE)
        return 0
    if not 1 <= len(arguments) <= 2 or any(word.startswith("-") for word in arguments):
        sys.stderr.write(USAGE)
        return 2
    path, role = sign_in_path(arguments[0]), arguments[1] if len(arguments) > 1 else None
    output = _from_cache(path, role, time.time())
    if output is None:
        output, error = _after_refresh(path, role)
        if output is None:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(output)
    return 0


def sign_in_path(sign_in: str) -> str:
    """The file of a sign-in, by its name or by its path."""
    if os.path.isabs(sign_in):
        return sign_in
    return os.path.join(private_file.state_directory(), os.path.basename(sign_in) + store_lines.SUFFIX)


# -- good credentials lie there


def _from_cache(path: str, role: str | None, now: float) -> str | None:
    """The JSON, where the store holds credentials that need not be renewed yet; None: something else is the matter."""
    try:
        content = private_file.read_private_file(path) if private_file.check_directory(os.path.dirname(path)) else None
        if content is None:
            return None
        fields = _find_role(content.decode("ascii"), role)
        if fields is None:
            return None
        expires_at, renew_at, lifetime = (store_lines.parse_number(fields[place]) for place in (6, 7, 9))
    except (ValueError, OSError):  # whatever it is, the slow way explains it
        return None
    if now < renew_at and expires_at - now <= lifetime + _MAX_CLOCK_ERROR:
        return _to_json(fields[2], fields[3], fields[4], expires_at)
    return None


def _find_role(text: str, role: str | None) -> list[str] | None:
    """A role's line, if the text is a whole file of this version."""
    whole = text.startswith(f"{store_lines.HEADER_PREFIX}{store_lines.VERSION}\n") and text.endswith(
        f"\n{store_lines.FOOTER}\n"
    )
    if not whole:
        return None
    if role is None:
        first = store_lines.find_record(text, store_lines.FIRST_ROLE)
        role = first[1] if first is not None and len(first) == 2 else ""
    fields = store_lines.find_record(text, store_lines.ROLE, role)
    return (
        fields
        if fields is not None and len(fields) == _ROLE_FIELD_COUNT and all(map(store_lines.is_printable_field, fields))
        else None
    )


def _to_json(access_key_id: str, secret_access_key: str, session_token: str, expires_at: float) -> str:
    """AWS's shape, version 1; the words are printable ASCII, so that little needs escaping."""
    # By this machine's clock, which is what the reader has too.
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(expires_at)))
    values = {
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret_access_key,
        "SessionToken": session_token,
        "Expiration": expiration,
    }
    parts = [f'"{name}": "{_escaped(value)}"' for name, value in values.items()]
    return f'{{"Version": 1, {", ".join(parts)}}}\n'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


# -- they have to be renewed


def _after_refresh(path: str, role: str | None) -> tuple[str | None, str]:
    """The JSON after a renewal, or why there is none."""
    from ..credentials.store.private_file import UntrustedFileError
    from ..errors import CognitoError, RoleError, SignedOutError

    try:
        return _refresh_or_reuse(path, role), ""
    except UntrustedFileError as error:
        return None, f"{path}, which is to hold your sign-in, {error}. {_LOGIN_HINT}"
    except RoleError as error:
        return None, f"{error} Run: cognito-jupyter status"
    except SignedOutError as error:
        return None, f"{error.what} {_LOGIN_HINT}"
    except CognitoError as error:
        return None, str(error)


def _refresh_or_reuse(path: str, role: str | None) -> str:
    from pathlib import Path

    from ..credentials.store.store import open_store
    from ..errors import CredentialsError, SignedOutError, UnavailableError

    store = open_store(Path(path))
    if store is None:
        raise SignedOutError(f"Nobody is signed in here: there is no file {path}.")
    try:
        credentials = _refresh(store, role)
    except (UnavailableError, CredentialsError):
        # What is held may be good for some minutes yet, and the network back until then.
        still_valid = _still_valid(store, role)
        if still_valid is None:
            raise
        credentials = still_valid
    return _to_json(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token, credentials.expires_at
    )


def _refresh(store: Store, role: str | None) -> StoredCredentials:
    """Renews by way of a manager, under the store's lock."""
    _restore_endpoints(store.key)
    from ..credentials.manager import CognitoCredentialsManager
    from ..credentials.shared_sign_in import to_stored
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..settings.parsers import pool_region

    key, region = store.key, pool_region(store.key.user_pool_id)
    authenticator = CognitoOAuthAuthenticator(
        key.domain, key.client_id, region=region, user_pool_id=key.user_pool_id, open_browser=False
    )
    manager = CognitoCredentialsManager(key.identity_pool_id, key.user_pool_id, region, authenticator=authenticator)
    manager.restore_from_store(store)
    return to_stored(manager.refreshing_credentials(role).get_cached_credentials())


def _restore_endpoints(key: StoreKey) -> None:
    """The services that this sign-in was made at, whatever the environment of whoever started this process says."""
    from ..credentials.store.format import ENDPOINT_VARIABLES

    for name in (*ENDPOINT_VARIABLES, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        os.environ.pop(name, None)
    os.environ.update(dict(endpoint.split("=", 1) for endpoint in key.endpoints))


def _still_valid(store: Store, role: str | None) -> StoredCredentials | None:
    from ..credentials.roles import choose_role, roles_in
    from ..credentials.user_pool_tokens import claims_of
    from ..errors import CognitoError

    try:
        stored = store.read_sign_in()
        arn = choose_role(roles_in(claims_of(stored.tokens["id_token"])), role) if stored is not None else None
    except CognitoError:
        return None
    credentials = stored.credentials.get(arn or "") if stored is not None else None
    return credentials if credentials is not None and time.time() < credentials.mandatory_refresh_at else None
