"""What there is to say about a sign-in: who, which role, until when, which variables; and the roles it allows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .display import Note, Table, View, moment
from .variables import BoundSession, Variables

if TYPE_CHECKING:
    from ..oauth.tokens import JwtPayload
    from .signin import SignIn

NOT_SIGNED_IN = Note(("You are not signed in. %cognito_login signs you in.",))


def status_table(sign_in: SignIn, variables: Variables, notes: tuple[str, ...] = ()) -> View:
    """Who is signed in and what that gives; nothing of it is secret, and no request is made for it."""
    now = datetime.now(UTC)
    claims = sign_in.manager.claims or {}
    sessions = [bound for bound in variables.held().values() if isinstance(bound, BoundSession)]
    mine = [bound for bound in sessions if bound.manager is sign_in.manager]
    rows = [("Who", _person(claims)), ("Signed in at", _place(sign_in, claims, now))]
    for bound in mine:
        rows += [("Role", _role(bound)), ("AWS keys until", _until(bound, now))]
    rows += [("Variable", f"{name}: {binding}") for name, binding in variables.held().items()]
    return Table("Signed in", tuple(dict.fromkeys(rows)), notes=notes)


def roles_table(sign_in: SignIn, variables: Variables) -> View:
    """The roles that the sign-in allows, with the suffix to ask for each."""
    manager = sign_in.manager
    if not manager.roles:
        return Note(
            ("This sign-in names no roles: the identity pool's default role decides, and no suffix is needed.",)
        )
    taken = {
        bound.role_arn: name for name, bound in reversed(variables.held().items()) if isinstance(bound, BoundSession)
    }
    suffixes = role_suffixes(manager.roles)
    rows = tuple((suffix, arn, taken.get(arn, "")) for suffix, arn in zip(suffixes, manager.roles, strict=True))
    note = "%cognito_login --role-suffix SUFFIX takes one of them; nobody has to sign in again."
    return Table("Roles of this sign-in", rows, ("Suffix", "Role", "In use by"), (note,))


def signed_out(names: list[str], logout_link: str | None) -> View:
    """What signing out did, and what it could not do."""
    rows = (("Variables taken away", ", ".join(names) or "none"),)
    notes = (
        "AWS keys already handed out cannot be called back: they end by themselves within an hour.",
        *(() if logout_link else (_BROWSER_STAYS,)),
    )
    link = ("End the browser's Cognito session as well", logout_link) if logout_link else None
    return Table("Signed out", rows, notes=notes, link=link)


_BROWSER_STAYS = (
    "The browser keeps its own Cognito session for up to an hour, so the next sign-in may ask for no password. To get "
    "a link that ends it, set logout_uri to a sign-out URL registered with the app client."
)


def role_suffixes(roles: tuple[str, ...]) -> list[str]:
    """For each role the part of its name that a person would type; all of the ARN where the name alone is not enough."""
    names = [role.rpartition("/")[2] for role in roles]
    return [_shortest(name, role, roles) for name, role in zip(names, roles, strict=True)]


def _shortest(name: str, role: str, roles: tuple[str, ...]) -> str:
    words = name.split("-")
    candidates = ["-".join(words[start:]) for start in reversed(range(len(words)))]
    fits = (candidate for candidate in candidates if [r for r in roles if r.endswith(candidate)] == [role])
    return next(fits, role)


def _person(claims: JwtPayload) -> str:
    username, email = claims.get("cognito:username"), claims.get("email")
    return f"{username} ({email})" if username and email else username or email or claims.get("sub", "unknown")


def _place(sign_in: SignIn, claims: JwtPayload, now: datetime) -> str:
    """The user pool alone knows when its session ends: the token that carries it is opaque."""
    since = claims.get("auth_time")
    when = f", {moment(datetime.fromtimestamp(since, UTC), now)}" if since else ""
    return f"{sign_in.settings.configuration.domain}{when}; lasts until the user pool ends it, 30 days by default"


def _role(bound: BoundSession) -> str:
    if bound.role_arn is None:
        return "the identity pool's default role"
    return f"{bound.role_arn.rpartition('/')[2]} ({bound.role_arn})"


def _until(bound: BoundSession, now: datetime) -> str:
    until = bound.manager.expiration(bound.role_arn)
    return f"{moment(until, now)}, renewed by themselves" if until else "made at the next use"
