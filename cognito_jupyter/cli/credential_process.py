"""`cognito-jupyter credential-process`: prints a stored sign-in's credentials for AWS's tools.

AWS's tools start it again and again, and wait for it. Usually the store holds valid credentials, and they are printed
before any other package would be loaded: so nothing is imported at the top but what reads a file. Only if they have to
be refreshed does it load the rest, and refreshes them with a manager, under the store's lock. It never starts a login
and asks nothing; on stdout there is only the JSON.
Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import os
import sys
import time

from ..credentials.store import files, format as file_format

TYPE_CHECKING = False  # typing itself takes long to load
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..credentials.store.sign_in import StoredCredentials
    from ..credentials.store.store import Store

USAGE = """usage: cognito-jupyter credential-process SIGN_IN [ROLE_ARN]

Prints the AWS credentials of a sign-in that is stored on this computer, in the form that AWS's tools read from a
profile's credential_process setting. It never asks for anything: `cognito-jupyter login` signs in, and
`cognito-jupyter status` shows the name of the sign-in and its roles.

  SIGN_IN   the name of the stored sign-in, or the full path of its file
  ROLE_ARN  the role; without it, the sign-in's preferred role, or else the first one
"""

_LOGIN_HINT = "Run: cognito-jupyter login"


def main(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: SIGN_IN and, optionally, ROLE_ARN.

    Returns:
        The exit code: 0 with the JSON on stdout; 1 with an error on stderr, or 2 for wrong arguments.
    """
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(USAGE)
        return 0
    if not 1 <= len(arguments) <= 2 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write(USAGE)
        return 2
    path, role_arn = arguments[0], arguments[1] if len(arguments) > 1 else None
    if not os.path.isabs(path):
        path = os.path.join(files.state_directory(), os.path.basename(path) + file_format.SUFFIX)
    output = _from_cache(path, role_arn)
    if output is None:
        output, error = _after_refresh(path, role_arn)
        if output is None:
            from .._printable import printable

            sys.stderr.write(f"{printable(error)}\n")
            return 1
    sys.stdout.write(output)
    return 0


def _from_cache(path: str, role_arn: str | None) -> str | None:
    """Returns the JSON if the store holds credentials that need no refresh; None for everything else."""
    try:
        content = files.read_file(path) if files.check_directory(os.path.dirname(path)) else None
        if content is None:
            return None
        records = file_format.parse_records(content)
        if role_arn is None:
            role_arn = file_format.single_values(records).get(file_format.FIRST_ROLE, "")
        for record in records:
            if record[:2] == [file_format.ROLE, role_arn]:
                _, access_key_id, secret_access_key, session_token, times = file_format.parse_role(record)
                _, expires_at, advisory_refresh_at, _, lifetime = times
                now = time.time()
                if now < advisory_refresh_at and file_format.has_plausible_lifetime(expires_at, lifetime, now):
                    return _to_json(access_key_id, secret_access_key, session_token, expires_at)
    except (ValueError, OSError):  # whatever is wrong, _after_refresh explains it
        pass
    return None


def _to_json(access_key_id: str, secret_access_key: str, session_token: str, expires_at: float) -> str:
    """Returns AWS's format, version 1, without loading json: its values are printable ASCII, so escaping is easy."""
    values = {
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret_access_key,
        "SessionToken": session_token,
        # By this computer's clock, which the reader has too.
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(expires_at))),
    }
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    fields = ", ".join(f'"{name}": "{value}"' for name, value in quoted.items())
    return f'{{"Version": 1, {fields}}}\n'


def _after_refresh(path: str, role_arn: str | None) -> tuple[str | None, str]:
    """Returns the JSON after a refresh; or None, and the error to show."""
    from pathlib import Path

    from ..credentials.store.store import open_store
    from ..errors import CognitoError, RoleError, SignedOutError
    from ..settings.layers import require_not_forbidden

    try:
        require_not_forbidden("remember", "stay signed in on it", "Sign in within a notebook: %cognito_login.")
        store = open_store(Path(path))
        if store is None:
            return None, f"You are not signed in: there is no file {path}. {_LOGIN_HINT}"
        try:
            credentials = _refresh(store, role_arn)
        except (RoleError, SignedOutError):
            raise
        except CognitoError:
            # The stored credentials may last for some minutes more, and the network may be back by then.
            still_valid = _still_valid(store, role_arn)
            if still_valid is None:
                raise
            credentials = still_valid
    except files.UntrustedFileError as error:
        return None, f"{path}, which should hold your sign-in, {error}. {_LOGIN_HINT}"
    except RoleError as error:
        return None, f"{error} Run: cognito-jupyter status"
    except SignedOutError as error:
        return None, f"{error.what} {_LOGIN_HINT}"
    except CognitoError as error:
        return None, str(error)
    return _to_json(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token, credentials.expires_at
    ), ""


def _refresh(store: Store, role_arn: str | None) -> StoredCredentials:
    """Refreshes the credentials with a manager, under the store's lock."""
    from ..credentials.store.sign_in import ENDPOINT_VARIABLES

    key = store.key
    # The endpoints of the login, whatever the environment of the calling program says.
    for name in (*ENDPOINT_VARIABLES, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        os.environ.pop(name, None)
    os.environ.update(dict(endpoint.split("=", 1) for endpoint in key.endpoints))
    from dataclasses import replace

    from ..credentials.manager import CognitoCredentialsManager
    from ..credentials.shared_sign_in import to_stored
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    stored = store.read_sign_in()
    settings = replace(key.to_settings(), role_selection=stored.role_selection if stored is not None else "token")
    manager = CognitoCredentialsManager.from_settings(settings, CognitoOAuthAuthenticator.from_settings(settings))
    manager.restore_from_store(store)
    return to_stored(manager.credentials_for_role(manager.resolve_role(role_arn)).get_cached_credentials())


def _still_valid(store: Store, role_arn: str | None) -> StoredCredentials | None:
    """Returns the stored credentials if they have not expired."""
    from ..credentials.roles import choose_role, default_role, roles_in
    from ..errors import CognitoError
    from ..oauth.tokens import claims_of

    try:
        stored = store.read_sign_in()
        if stored is None:
            return None
        claims = claims_of(stored.tokens["id_token"])
        if stored.role_selection == "identity_pool":
            role_arn = None
        else:
            role_arn = choose_role(roles_in(claims), role_arn) if role_arn else default_role(claims)
    except CognitoError:
        return None
    found = stored.credentials.get(role_arn or "")
    return found if found is not None and time.time() < found.mandatory_refresh_at else None
