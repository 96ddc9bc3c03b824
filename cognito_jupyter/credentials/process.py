"""The credential process of AWS's tools: a kept sign-in's credentials as JSON, alone on stdout.

In the usual case the store holds good credentials, and this is done before any other package would be loaded: AWS's
tools start it again and again. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import os
import sys
import time

from . import private_file, store_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .store import Store
    from .store_format import StoredCredentials, StoreKey

USAGE = """usage: cognito-jupyter credential-process SIGN_IN [ROLE_ARN]

Prints the AWS credentials of a sign-in that is kept on this computer, as AWS's tools take them from a profile's
credential_process setting. It asks nobody anything; `cognito-jupyter login` signs in, and `cognito-jupyter status`
shows the name of the sign-in and its roles.

  SIGN_IN   the name of the kept sign-in, or the whole path of its file
  ROLE_ARN  the role; without it, the first one that the sign-in allows
"""

_ROLE_WORDS = 10
_SLACK = 60.0
"""Seconds by which stored credentials may seem to live too long: more, and the clock was set back meanwhile."""
_LOGIN = "Run: cognito-jupyter login"


def main(words: Sequence[str]) -> int:
    """Runs the command.

    Args:
        words: SIGN_IN and, perhaps, ROLE_ARN.

    Returns:
        The exit code: 0 with the JSON on stdout, else 1, or 2 for wrong arguments, with nothing there.
    """
    if "-h" in words or "--help" in words:
        sys.stdout.write(USAGE)
        return 0
    if not 1 <= len(words) <= 2 or any(word.startswith("-") for word in words):
        sys.stderr.write(USAGE)
        return 2
    path, role = path_of(words[0]), words[1] if len(words) > 1 else None
    answer = _at_once(path, role, time.time())
    if answer is None:
        answer, problem = _in_time(path, role)
        if answer is None:
            sys.stderr.write(f"{problem}\n")
            return 1
    sys.stdout.write(answer)
    return 0


def path_of(sign_in: str) -> str:
    """The file of a sign-in, by its name or by its path."""
    if os.path.isabs(sign_in):
        return sign_in
    return os.path.join(private_file.state_folder(), os.path.basename(sign_in) + store_lines.SUFFIX)


# -- good credentials lie there


def _at_once(path: str, role: str | None, now: float) -> str | None:
    """The JSON, where the store holds credentials that need not be renewed yet; None: something else is the matter."""
    try:
        content = private_file.read(path) if private_file.folder_is_there(os.path.dirname(path)) else None
        if content is None:
            return None
        keys = _stored(content.decode("ascii"), role)
        if keys is None:
            return None
        expires_at, renew_at, lifetime = (store_lines.number(keys[place]) for place in (6, 7, 9))
    except (ValueError, OSError):  # whatever it is, the slow way explains it
        return None
    if now < renew_at and expires_at - now <= lifetime + _SLACK:
        return _json(keys[2], keys[3], keys[4], expires_at)
    return None


def _stored(text: str, role: str | None) -> list[str] | None:
    """A role's line, if the text is a whole file of this version."""
    whole = text.startswith(f"{store_lines.HEAD}{store_lines.VERSION}\n") and text.endswith(f"\n{store_lines.END}\n")
    if not whole:
        return None
    if role is None:
        first = store_lines.words_of(text, store_lines.FIRST_ROLE)
        role = first[1] if first is not None and len(first) == 2 else ""
    keys = store_lines.words_of(text, store_lines.ROLE, role)
    return keys if keys is not None and len(keys) == _ROLE_WORDS and all(map(store_lines.is_word, keys)) else None


def _json(access_key_id: str, secret_access_key: str, session_token: str, expires_at: float) -> str:
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


def _in_time(path: str, role: str | None) -> tuple[str | None, str]:
    """The JSON after a renewal, or why there is none."""
    from ..errors import CognitoError, RoleError, SignedOutError
    from .private_file import BadFileError

    try:
        return _renewed(path, role), ""
    except BadFileError as error:
        return None, f"{path}, which is to hold your sign-in, {error}. {_LOGIN}"
    except RoleError as error:
        return None, f"{error} Run: cognito-jupyter status"
    except SignedOutError as error:
        return None, f"{error.what} {_LOGIN}"
    except CognitoError as error:
        return None, str(error)


def _renewed(path: str, role: str | None) -> str:
    from pathlib import Path

    from ..errors import SignedOutError, UnavailableError
    from .store import store_at

    store = store_at(Path(path))
    if store is None:
        raise SignedOutError(f"Nobody is signed in here: there is no file {path}.")
    try:
        keys = _asked(store, role)
    except UnavailableError:
        # What is held may be good for some minutes yet, and the network back until then.
        left = _left(store, role)
        if left is None:
            raise
        keys = left
    return _json(keys.access_key_id, keys.secret_access_key, keys.session_token, keys.expires_at)


def _asked(store: Store, role: str | None) -> StoredCredentials:
    """Renews by way of a manager, under the store's lock."""
    _move_endpoints(store.key)
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..setting_values import pool_region
    from .keeper import as_stored
    from .manager import CognitoCredentialsManager

    key, region = store.key, pool_region(store.key.user_pool_id)
    authenticator = CognitoOAuthAuthenticator(
        key.domain, key.client_id, region=region, user_pool_id=key.user_pool_id, open_browser=False
    )
    manager = CognitoCredentialsManager(key.identity_pool_id, key.user_pool_id, region, authenticator=authenticator)
    manager.restore(store)
    return as_stored(manager.live_credentials(role).snapshot())


def _move_endpoints(key: StoreKey) -> None:
    """The services that this sign-in was made at, whatever the environment of whoever started this process says."""
    from .store_format import ENDPOINT_VARIABLES

    for name in (*ENDPOINT_VARIABLES, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        os.environ.pop(name, None)
    os.environ.update(dict(endpoint.split("=", 1) for endpoint in key.endpoints))


def _left(store: Store, role: str | None) -> StoredCredentials | None:
    from ..errors import CognitoError
    from .roles import choose_role, roles_in
    from .user_pool import claims_of

    try:
        stored = store.read()
        arn = choose_role(roles_in(claims_of(stored.tokens["id_token"])), role) if stored is not None else None
    except CognitoError:
        return None
    keys = stored.credentials.get(arn or "") if stored is not None else None
    return keys if keys is not None and time.time() < keys.useless_at else None
