"""What there is to say about a sign-in: who, which role, until when, which variables; and the roles it allows."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..credentials.roles import shortest_suffixes
from ..sharing.cluster import dask_shares
from .display import Note, Table, View, moment
from .variables import Binding, BoundSession, Variables, short_role

if TYPE_CHECKING:
    from ..credentials.keeper import Keeper
    from ..oauth.tokens import JwtPayload
    from ..sharing.cluster import DaskShare
    from ..sharing.shares import SharedRole
    from .signin import SignIn

NOTHING_SHARED = Note(("Nothing is shared any more; the environment is as it was before.",))
NOT_SHARED = Note(("Nothing was shared.",))
NOT_SIGNED_IN = Note(("You are not signed in. %cognito_login signs you in.",))


def status_table(
    sign_in: SignIn,
    variables: Variables,
    notes: tuple[str, ...] = (),
    shared: tuple[SharedRole, ...] = (),
    *,
    hides_person: bool = False,
) -> View:
    """Who is signed in and what that gives; nothing of it is secret, and no request is made for it.

    Args:
        sign_in: Whose.
        variables: What the notebook holds of it.
        notes: What else to say.
        shared: The roles shared with everything else.
        hides_person: Whether name and e-mail are left out, since the notebook is saved with what it shows.
    """
    now = datetime.now(UTC)
    claims = sign_in.manager.claims or {}
    rows = [] if hides_person else [("Who", person_of(claims))]
    rows.append(("Signed in at", _place(sign_in, claims, now)))
    rows.append(("Stays signed in", _keeping(sign_in.manager.keeper, hides_person=hides_person)))
    rows += [(name, _binding(binding, now)) for name, binding in variables.held().items()]
    rows += [("Shared", _shared(role, now)) for role in shared]
    rows += [("Shared", _with_cluster(share, now)) for share in dask_shares(sign_in.manager)]
    problem = sign_in.manager.problem
    notes = (*notes, *([problem] if problem else []), *_in_the_way(shared))
    return Table("Signed in", tuple(rows), notes=notes)


def shared_table(shared: tuple[SharedRole, ...]) -> View:
    """What is shared with everything else in the notebook; nothing of it is secret."""
    now = datetime.now(UTC)
    rows = tuple((short_role(role.role_arn), role.url, _standing(role, now)) for role in shared)
    notes = (
        "From now on the first of these is used by programs that you start here, and by libraries that look for keys.",
        "Whoever has found keys elsewhere goes on with those. %cognito_share --stop ends it.",
        *_in_the_way(shared),
    )
    return Table("Shared", rows, ("Role", "Asked for at", "State"), notes)


def profile_written(name: str, path: str, role_arn: str | None) -> View:
    """What there is to know about a profile that was just written."""
    rows = (("Name", name), ("File", path), ("Role", short_role(role_arn)))
    notes = (
        f"In a terminal: aws --profile {name} sts get-caller-identity. Other programs: AWS_PROFILE={name}",
        f"It works for as long as you stay signed in. %cognito_profile {name} --remove takes it away.",
    )
    return Table("Profile written", rows, notes=notes)


def profile_removed(name: str, *, was_there: bool) -> View:
    """What became of a profile that was to be taken away."""
    return Note((f"The profile {name} is {'taken away' if was_there else 'not there'}.",))


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
    suffixes = shortest_suffixes(manager.roles, manager.roles)
    rows = tuple((suffix, arn, taken.get(arn, "")) for suffix, arn in zip(suffixes, manager.roles, strict=True))
    note = "%cognito_login --role-suffix SUFFIX takes one of them; nobody has to sign in again."
    return Table("Roles of this sign-in", rows, ("Suffix", "Role", "In use by"), (note,))


def signed_out(names: list[str], logout_link: str | None) -> View:
    """What signing out did, and what it could not do."""
    rows = (("Variables taken away", ", ".join(names) or "none"),)
    notes = (
        "AWS keys already handed out cannot be called back: they end by themselves within an hour.",
        "The browser keeps its own Cognito session, so for up to an hour the next sign-in may ask for no password.",
    )
    link = ("End the browser's Cognito session as well", logout_link) if logout_link else None
    return Table("Signed out", rows, notes=notes, link=link)


def person_of(claims: JwtPayload) -> str:
    """Who somebody is, as a person would say it."""
    username, email = claims.get("cognito:username"), claims.get("email")
    return f"{username} ({email})" if username and email else username or email or claims.get("sub", "unknown")


def kept_note(sign_in: SignIn) -> View:
    """What a notebook says in which nobody has signed in, beside a sign-in that is kept on this computer."""
    if sign_in.manager.ended:
        return Note(
            (
                "Nobody has signed in in this notebook, and the sign-in that was kept on this computer has ended.",
                "%cognito_login asks you to sign in again.",
                f"What is left of it is in {sign_in.manager.keeper.path}; %cognito_logout takes it away.",
            )
        )
    return Note(
        (
            "Nobody has signed in in this notebook, and you stay signed in on this computer.",
            "%cognito_login takes that sign-in without asking, and %cognito_logout ends it.",
            f"It is kept in {sign_in.manager.keeper.path}.",
        )
    )


def _keeping(keeper: Keeper, *, hides_person: bool) -> str:
    """Whether the sign-in is kept on this computer, and where; the path names the person's home."""
    problem = f" {keeper.problem}" if keeper.problem is not None else ""
    if keeper.path is None:
        return f"no, it ends with this kernel; %cognito_login --remember keeps it.{problem}"
    return f"yes, on this computer{'' if hides_person else f', in {keeper.path}'}.{problem}"


def _place(sign_in: SignIn, claims: JwtPayload, now: datetime) -> str:
    """The user pool alone knows when its session ends, the token that carries it being opaque; or a setting says it."""
    since = claims.get("auth_time")
    began = datetime.fromtimestamp(since, UTC) if since else None
    when = f", {moment(began, now)}" if began else ""
    days = sign_in.settings.refresh_token_days
    if began and days is not None:
        lasts = f"lasts until {moment(began + timedelta(days=days), now)}"
    else:
        lasts = "lasts until the user pool ends it, 30 days by default"
    return f"{sign_in.settings.configuration.domain}{when}; {lasts}"


def _binding(binding: Binding, now: datetime) -> str:
    if not isinstance(binding, BoundSession):
        return str(binding)
    until = binding.manager.expiration(binding.role_arn)
    keys = f"keys until {moment(until, now)}, renewed by themselves" if until else "keys are made at the next use"
    return f"{binding}; {keys}"


def _shared(role: SharedRole, now: datetime) -> str:
    named = "with programs and libraries by the environment" if role.in_environment else f"at {role.url}"
    return f"{short_role(role.role_arn)}, {named}; {_standing(role, now)}"


def _with_cluster(share: DaskShare, now: datetime) -> str:
    workers = share.courier.workers
    count = "the workers" if workers is None else f"{workers} worker{'' if workers == 1 else 's'}"
    keys = f"keys until {moment(share.until, now)}, renewed by themselves" if share.until else "no keys"
    problem = f"; {share.failure}" if share.failure is not None else ""
    return f"{short_role(share.role_arn)}, with {count} of the Dask cluster at {share.courier.address}; {keys}{problem}"


def _in_the_way(shared: tuple[SharedRole, ...]) -> tuple[str, ...]:
    """What in the user's AWS files keeps programs from what is shared."""
    if not shared:
        return ()
    from ..sharing.aws_files import default_profile_in_the_way

    note = default_profile_in_the_way(os.environ)
    return (note,) if note is not None else ()


def _standing(role: SharedRole, now: datetime) -> str:
    keys = f"keys until {moment(role.until, now)}, renewed by themselves" if role.until else role.problem or "no keys"
    if role.last_asked is None:
        return f"{keys}; nobody has asked yet"
    return f"{keys}; asked for last {moment(role.last_asked, now)}"
