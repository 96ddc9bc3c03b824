"""What there is to say about a sign-in: who, which role, until when, which variables; and the roles it allows."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...credentials.roles import shortest_suffixes
from ...sharing.dask_cluster.share import dask_shares
from ..model.user_namespace import Binding, BoundSession, Variables, short_role
from .views import Note, Table, View, format_time

if TYPE_CHECKING:
    from ...credentials.shared_sign_in import SharedSignIn
    from ...oauth.tokens import JwtPayload
    from ...sharing.dask_cluster.share import DaskShare
    from ...sharing.endpoint.share import SharedRole
    from ..model.sign_in import SignIn

SHARING_STOPPED = Note(("Nothing is shared any more; the environment is as it was before.",))
NOTHING_WAS_SHARED = Note(("Nothing was shared.",))
NOT_SIGNED_IN = Note(("You are not signed in. %cognito_login signs you in.",))


def status_table(
    sign_in: SignIn,
    variables: Variables,
    notes: tuple[str, ...] = (),
    shared: tuple[SharedRole, ...] = (),
    *,
    hide_user: bool = False,
) -> View:
    """Who is signed in and what that gives; nothing of it is secret, and no request is made for it.

    Args:
        sign_in: Whose.
        variables: What the notebook holds of it.
        notes: What else to say.
        shared: The roles shared with everything else.
        hide_user: Whether name and e-mail are left out, since the notebook is saved with what it shows.
    """
    now = datetime.now(UTC)
    claims = sign_in.manager.claims or {}
    rows = [] if hide_user else [("Who", describe_user(claims))]
    rows.append(("Signed in at", _signed_in_at(sign_in, claims, now)))
    rows.append(("Stays signed in", _remembered(sign_in.manager.shared_sign_in, hide_user=hide_user)))
    rows += [(name, _describe_binding(binding, now)) for name, binding in variables.bound().items()]
    rows += [("Shared", _describe_share(role, now)) for role in shared]
    rows += [("Shared", _describe_dask_share(share, now)) for share in dask_shares(sign_in.manager)]
    problem = sign_in.manager.warning
    notes = (*notes, *([problem] if problem else []), *_overriding_profile_note(shared))
    return Table("Signed in", tuple(rows), notes=notes)


def shared_table(shared: tuple[SharedRole, ...]) -> View:
    """What is shared with everything else in the notebook; nothing of it is secret."""
    now = datetime.now(UTC)
    rows = tuple((short_role(role.role_arn), role.url, _share_state(role, now)) for role in shared)
    notes = (
        "From now on the first of these is used by programs that you start here, and by libraries that look for keys.",
        "Whoever has found keys elsewhere goes on with those. %cognito_share --stop ends it.",
        *_overriding_profile_note(shared),
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


def profile_removed(name: str, *, existed: bool) -> View:
    """What became of a profile that was to be taken away."""
    return Note((f"The profile {name} is {'taken away' if existed else 'not there'}.",))


def roles_table(sign_in: SignIn, variables: Variables) -> View:
    """The roles that the sign-in allows, with the suffix to ask for each."""
    manager = sign_in.manager
    if not manager.roles:
        return Note(
            ("This sign-in names no roles: the identity pool's default role decides, and no suffix is needed.",)
        )
    in_use_by = {
        bound.role_arn: name for name, bound in reversed(variables.bound().items()) if isinstance(bound, BoundSession)
    }
    suffixes = shortest_suffixes(manager.roles, manager.roles)
    rows = tuple((suffix, arn, in_use_by.get(arn, "")) for suffix, arn in zip(suffixes, manager.roles, strict=True))
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


def describe_user(claims: JwtPayload) -> str:
    """Who somebody is, as a person would say it."""
    username, email = claims.get("cognito:username"), claims.get("email")
    return f"{username} ({email})" if username and email else username or email or claims.get("sub", "unknown")


def remembered_note(sign_in: SignIn) -> View:
    """What a notebook says in which nobody has signed in, beside a sign-in that is kept on this computer."""
    if sign_in.manager.ended:
        return Note(
            (
                "Nobody has signed in in this notebook, and the sign-in that was kept on this computer has ended.",
                "%cognito_login asks you to sign in again.",
                f"What is left of it is in {sign_in.manager.shared_sign_in.path}; %cognito_logout takes it away.",
            )
        )
    return Note(
        (
            "Nobody has signed in in this notebook, and you stay signed in on this computer.",
            "%cognito_login takes that sign-in without asking, and %cognito_logout ends it.",
            f"It is kept in {sign_in.manager.shared_sign_in.path}.",
        )
    )


def _remembered(shared_sign_in: SharedSignIn, *, hide_user: bool) -> str:
    """Whether the sign-in is kept on this computer, and where; the path names the person's home."""
    problem = f" {shared_sign_in.warning}" if shared_sign_in.warning is not None else ""
    if shared_sign_in.path is None:
        return f"no, it ends with this kernel; %cognito_login --remember keeps it.{problem}"
    return f"yes, on this computer{'' if hide_user else f', in {shared_sign_in.path}'}.{problem}"


def _signed_in_at(sign_in: SignIn, claims: JwtPayload, now: datetime) -> str:
    """The user pool alone knows when its session ends, the token that carries it being opaque; or a setting says it."""
    auth_time = claims.get("auth_time")
    start = datetime.fromtimestamp(auth_time, UTC) if auth_time else None
    when = f", {format_time(start, now)}" if start else ""
    days = sign_in.settings.refresh_token_days
    if start and days is not None:
        lasts = f"lasts until {format_time(start + timedelta(days=days), now)}"
    else:
        lasts = "lasts until the user pool ends it, 30 days by default"
    return f"{sign_in.settings.configuration.domain}{when}; {lasts}"


def _describe_binding(binding: Binding, now: datetime) -> str:
    if not isinstance(binding, BoundSession):
        return str(binding)
    until = binding.manager.expiration(binding.role_arn)
    validity = (
        f"keys until {format_time(until, now)}, renewed by themselves" if until else "keys are made at the next use"
    )
    return f"{binding}; {validity}"


def _describe_share(role: SharedRole, now: datetime) -> str:
    where = "with programs and libraries by the environment" if role.in_environment else f"at {role.url}"
    return f"{short_role(role.role_arn)}, {where}; {_share_state(role, now)}"


def _describe_dask_share(share: DaskShare, now: datetime) -> str:
    workers = share.pusher.workers
    count = "the workers" if workers is None else f"{workers} worker{'' if workers == 1 else 's'}"
    validity = f"keys until {format_time(share.until, now)}, renewed by themselves" if share.until else "no keys"
    problem = f"; {share.warning}" if share.warning is not None else ""
    return (
        f"{short_role(share.role_arn)}, with {count} of the Dask cluster at {share.pusher.address}; {validity}{problem}"
    )


def _overriding_profile_note(shared: tuple[SharedRole, ...]) -> tuple[str, ...]:
    """What in the user's AWS files keeps programs from what is shared."""
    if not shared:
        return ()
    from ...sharing.profile.aws_files import default_profile_warning

    note = default_profile_warning(os.environ)
    return (note,) if note is not None else ()


def _share_state(role: SharedRole, now: datetime) -> str:
    validity = (
        f"keys until {format_time(role.until, now)}, renewed by themselves" if role.until else role.warning or "no keys"
    )
    if role.last_request is None:
        return f"{validity}; nobody has asked yet"
    return f"{validity}; asked for last {format_time(role.last_request, now)}"
