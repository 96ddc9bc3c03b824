"""`cognito-jupyter status`: shows who is signed in on this computer, as a table or as JSON.

It reads the stored sign-ins only: it makes no request, and nothing that it prints is secret.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from ..credentials.roles import roles_in, shortest_suffixes
from ..credentials.store.sign_in import StoredSignIn
from ..credentials.store.store import Store, list_store_keys, list_unusable_files
from ..errors import CognitoError
from ..notebook.display.views import Table, format_time
from ..oauth.tokens import claims_of
from ..signin.user_name import describe_user

_NOT_SIGNED_IN = "You are not signed in. Run: cognito-jupyter login"


def status(arguments: argparse.Namespace) -> int:
    """Prints every sign-in that is stored on this computer.

    Returns:
        The exit code: 0, or 1 if there is none.
    """
    found = [(store, stored) for store in map(Store, list_store_keys()) if (stored := _read_sign_in(store)) is not None]
    for path in list_unusable_files():
        print(f"{path} cannot be used. To delete it, run: cognito-jupyter logout --all", file=sys.stderr)
    if arguments.json:
        print(json.dumps([_as_json(store, stored) for store, stored in found], indent=2))
    elif found:
        print("\n\n".join(_as_text(store, stored) for store, stored in found))
    else:
        print(_NOT_SIGNED_IN, file=sys.stderr)
    return 0 if found else 1


def describe(store: Store) -> str:
    """Returns a stored sign-in as text."""
    stored = _read_sign_in(store)
    return _as_text(store, stored) if stored is not None else _NOT_SIGNED_IN


def _read_sign_in(store: Store) -> StoredSignIn | None:
    try:
        return store.read_sign_in()
    except CognitoError as error:
        print(error, file=sys.stderr)
        return None


def _as_text(store: Store, stored: StoredSignIn) -> str:
    now = datetime.now(UTC)
    claims = claims_of(stored.tokens["id_token"])
    auth_time = claims.get("auth_time")
    signed_in_at = f", {format_time(datetime.fromtimestamp(auth_time, UTC), now)}" if auth_time else ""
    duration = (
        "it has ended; to sign in again, run: cognito-jupyter login"
        if stored.ended
        else "you stay signed in for up to 30 days, unless your organisation set another limit"
    )
    role = "" if stored.role_selection == "identity_pool" else " ROLE_ARN"
    facts = (
        ("User", describe_user(claims)),
        ("Signed in at", f"{store.key.domain}{signed_in_at}; {duration}"),
        ("Stored in", str(store.path)),
        ("For AWS's tools", f"credential_process = cognito-jupyter credential-process {store.name}{role}"),
    )
    roles = tuple(
        (
            suffix,
            arn or "the identity pool's choice",
            f"keys until {format_time(until, now)}" if until else "no keys yet",
        )
        for suffix, arn, until in _roles(stored, now)
    )
    title = "Not signed in any more" if stored.ended else "Signed in"
    return f"{Table(title, facts).text()}\n{Table('Roles', roles, ('Suffix', 'Role', 'Keys')).text()}"


def _as_json(store: Store, stored: StoredSignIn) -> dict[str, object]:
    claims = claims_of(stored.tokens["id_token"])
    auth_time = claims.get("auth_time")
    return {
        "sign_in": store.name,
        "file": str(store.path),
        "who": describe_user(claims),
        "domain": store.key.domain,
        "client_id": store.key.client_id,
        "user_pool_id": store.key.user_pool_id,
        "identity_pool_id": store.key.identity_pool_id,
        "signed_in_at": datetime.fromtimestamp(auth_time, UTC).isoformat() if auth_time else None,
        "ended": stored.ended,
        "roles": [
            {"suffix": suffix, "role_arn": arn or None, "keys_until": until.isoformat() if until else None}
            for suffix, arn, until in _roles(stored, datetime.now(UTC))
        ],
    }


def _roles(stored: StoredSignIn, now: datetime) -> list[tuple[str, str, datetime | None]]:
    """Returns suffix, ARN and expiry of each role; the role that the identity pool chooses has neither suffix nor ARN.

    The expiry is None where no valid credentials are stored.
    """
    chosen_by_pool = stored.role_selection == "identity_pool"
    arns = ("",) if chosen_by_pool else roles_in(claims_of(stored.tokens["id_token"])) or ("",)
    roles: list[tuple[str, str, datetime | None]] = []
    for suffix, arn in zip(shortest_suffixes(arns, arns), arns, strict=True):
        credentials = stored.credentials.get(arn)
        until = datetime.fromtimestamp(credentials.expires_at, UTC) if credentials is not None else None
        roles.append((suffix, arn, until if until is not None and until > now else None))
    return roles
