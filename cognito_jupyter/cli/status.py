"""`cognito-jupyter status`: who stays signed in on this computer, as a table and as JSON; nothing of it is secret."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..credentials.roles import roles_in, shortest_suffixes
from ..credentials.store.store import Store, list_store_keys
from ..errors import CognitoError
from ..notebook.display.status import describe_user
from ..notebook.display.views import Table, format_time
from ..oauth.tokens import claims_of

if TYPE_CHECKING:
    import argparse

    from ..credentials.store.store import StoredSignIn

_NOT_SIGNED_IN = "You are not signed in. Run: cognito-jupyter login"


def status(arguments: argparse.Namespace) -> int:
    """Shows every sign-in that is kept on this computer.

    Returns:
        The exit code: 0, or 1 where nobody is signed in.
    """
    found = [(store, stored) for store in map(Store, list_store_keys()) if (stored := _read_sign_in(store)) is not None]
    if arguments.json:
        print(json.dumps([_as_json(store, stored) for store, stored in found], indent=2))
    elif found:
        print("\n\n".join(_as_text(store, stored) for store, stored in found))
    else:
        print(_NOT_SIGNED_IN, file=sys.stderr)
    return 0 if found else 1


def describe(store: Store) -> str:
    """What a sign-in gives, for a person to read."""
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
    since = claims.get("auth_time")
    signed_in_at = f", {format_time(datetime.fromtimestamp(since, UTC), now)}" if since else ""
    duration = (
        "has ended; to sign in again, run: cognito-jupyter login"
        if stored.ended
        else "lasts until the user pool ends it, 30 days by default"
    )
    facts = (
        ("Who", describe_user(claims)),
        ("Signed in at", f"{store.key.domain}{signed_in_at}; {duration}"),
        ("Kept in", str(store.path)),
        ("For AWS's tools", f"credential_process = cognito-jupyter credential-process {store.name} ROLE_ARN"),
    )
    roles = tuple(
        (
            suffix,
            arn or "the identity pool's default",
            f"keys until {format_time(until, now)}" if until else "no keys yet",
        )
        for suffix, arn, until in _roles(stored)
    )
    title = "Not signed in any more" if stored.ended else "Signed in"
    return f"{Table(title, facts).text()}\n{Table('Roles', roles, ('Suffix', 'Role', 'Keys')).text()}"


def _as_json(store: Store, stored: StoredSignIn) -> dict[str, object]:
    claims = claims_of(stored.tokens["id_token"])
    since = claims.get("auth_time")
    return {
        "sign_in": store.name,
        "file": str(store.path),
        "who": describe_user(claims),
        "domain": store.key.domain,
        "client_id": store.key.client_id,
        "user_pool_id": store.key.user_pool_id,
        "identity_pool_id": store.key.identity_pool_id,
        "signed_in_at": datetime.fromtimestamp(since, UTC).isoformat() if since else None,
        "ended": stored.ended,
        "roles": [
            {"suffix": suffix, "role_arn": arn or None, "keys_until": until.isoformat() if until else None}
            for suffix, arn, until in _roles(stored)
        ],
    }


def _roles(stored: StoredSignIn) -> list[tuple[str, str, datetime | None]]:
    """Suffix, ARN, and until when there are keys; the identity pool's default role has neither suffix nor ARN."""
    arns = roles_in(claims_of(stored.tokens["id_token"])) or ("",)
    suffixes = shortest_suffixes(arns, arns)
    return [(suffix, arn, _valid_until(stored, arn)) for suffix, arn in zip(suffixes, arns, strict=True)]


def _valid_until(stored: StoredSignIn, arn: str) -> datetime | None:
    credentials = stored.credentials.get(arn)
    until = datetime.fromtimestamp(credentials.expires_at, UTC) if credentials is not None else None
    return until if until is not None and until > datetime.now(UTC) else None
