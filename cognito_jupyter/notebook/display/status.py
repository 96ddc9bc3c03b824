"""What the magics display about a sign-in: user, role, expiry, variables, what is shared, and the roles it allows.

Nothing here is secret, and no request is made for any of it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...credentials.roles import shortest_suffixes
from ...sharing.cluster.share import ClusterShare, cluster_shares
from ...signin.user_name import describe_user
from ..model.notebook_share import UNCHANGED_OBJECTS
from ..model.user_namespace import Binding, BoundSession, Variables, role_account, short_role
from .views import Note, Table, View, format_time

if TYPE_CHECKING:
    from pathlib import Path

    from ...oauth.tokens import JwtPayload
    from ...sharing.endpoint.share import SharedRole
    from ...signin.service import SignIn
    from ..model.state import NotebookState

NOTHING_WAS_SHARED = Note(("Nothing was shared.",))
SIGN_IN_AGAIN = "Sign in again by %cognito_login, and this notebook's session works again."
NOT_SIGNED_IN = Note(("You are not signed in. Run %cognito_login.",))


def status_table(state: NotebookState, sign_in: SignIn, notes: tuple[str, ...] = ()) -> View:
    """Returns who is signed in and what the sign-in gives.

    Args:
        state: The notebook's state.
        sign_in: The sign-in.
        notes: More sentences to show.
    """
    now = datetime.now(UTC)
    manager, claims, shared = sign_in.manager, sign_in.manager.claims, state.notebook_share.roles
    # A notebook is saved with what it shows; the path of the stored sign-in names the home directory.
    hide_user = state.hide_user()
    rows = [] if hide_user else [("User", describe_user(claims))]
    rows.append(("Signed in at", _signed_in_at(sign_in, claims, now)))
    if not manager.ended:
        rows.append(("Stays signed in", _remembered(sign_in, hide_user=hide_user)))
    rows += [(name, _describe_binding(binding, now)) for name, binding in state.variables.bound().items()]
    rows += [("Shared", _describe_share(role, now)) for role in shared]
    rows += [("Shared", _describe_cluster_share(share, now)) for share in cluster_shares(manager)]
    warning = (str(manager.warning),) if manager.warning else ()
    unchanged = (UNCHANGED_OBJECTS,) if shared and state.notebook_share.role_changed else ()
    all_notes = (*notes, *warning, *unchanged, *_overriding_profile_note(shared))
    if manager.ended:
        return Table("Your sign-in has ended", tuple(rows), notes=(SIGN_IN_AGAIN, *all_notes))
    return Table("Signed in", tuple(rows), notes=all_notes)


def sharing_stopped(machine_role: str | None) -> View:
    """Returns what the end of a share has restored.

    Args:
        machine_role: Whose role it took the place of, in words that follow "the role of"; None: no machine's.
    """
    given_back = (f"Programs and libraries use the role of {machine_role} again.",) if machine_role else ()
    return Note(("Nothing is shared any more; the environment is as it was before.", *given_back))


def shared_table(shared: tuple[SharedRole, ...], notes: tuple[str, ...] = ()) -> View:
    """Returns what the notebook shares with programs and libraries.

    Args:
        shared: What it shares.
        notes: More sentences to show.
    """
    now = datetime.now(UTC)
    rows = tuple((short_role(role.role_arn), role.url, _share_state(role, now)) for role in shared)
    notes = (
        "Programs that you start here, and libraries that look for AWS keys from now on, use the first of these.",
        f"{UNCHANGED_OBJECTS} %cognito_share --stop ends sharing.",
        *notes,
        *_overriding_profile_note(shared),
    )
    return Table("Shared", rows, ("Role", "Endpoint", "State"), notes)


def profile_written(name: str, path: str, role_arn: str | None) -> View:
    """Returns how to use a profile that was just written.

    Args:
        name: The profile.
        path: The file that it was written to.
        role_arn: Its role; None: the identity pool's default role.
    """
    rows = (("Name", name), ("File", path), ("Role", short_role(role_arn)))
    notes = (
        f"In a terminal: aws --profile {name} sts get-caller-identity. Other programs: AWS_PROFILE={name}",
        f"It works for as long as you stay signed in. %cognito_profile {name} --remove removes it.",
    )
    return Table("Profile written", rows, notes=notes)


def profile_removed(name: str, *, existed: bool) -> View:
    """Returns whether a profile was removed.

    Args:
        name: The profile.
        existed: Whether there was one.
    """
    return Note((f"The profile {name} {'was removed' if existed else 'does not exist'}.",))


def roles_table(sign_in: SignIn, variables: Variables) -> View:
    """Returns the roles that a sign-in allows, with the suffix that selects each.

    Args:
        sign_in: The sign-in.
        variables: The notebook's variables, of which some may use a role.
    """
    roles = sign_in.manager.roles
    if not roles:
        return Note(("The identity pool chooses the role of this sign-in, and no suffix is needed.",))
    in_use_by = {
        bound.role_arn: name for name, bound in reversed(variables.bound().items()) if isinstance(bound, BoundSession)
    }
    suffixes = shortest_suffixes(roles, roles)
    rows = tuple((suffix, arn, in_use_by.get(arn, "")) for suffix, arn in zip(suffixes, roles, strict=True))
    notes = (
        "%cognito_login SUFFIX switches role without a new sign-in.",
        "It also finds a role that was granted since you signed in.",
    )
    return Table("Roles of this sign-in", rows, ("Suffix", "Role", "In use by"), notes)


def signed_out(names: list[str], logout_link: str | None) -> View:
    """Returns what signing out did, and what it could not do.

    Args:
        names: The variables that were removed.
        logout_link: Where the browser's own Cognito session can be ended; None: unknown.
    """
    rows = (("Variables removed", ", ".join(names) or "none"),)
    notes = (
        "AWS keys that were already handed out cannot be revoked: they expire within an hour.",
        "The browser keeps its own Cognito session, so for up to an hour the next sign-in may ask for no password.",
    )
    link = ("End the browser's Cognito session as well", logout_link) if logout_link else None
    return Table("Signed out", rows, notes=notes, link=link)


def deleted_files_note(paths: list[Path]) -> View:
    """Returns which stored files a logout has deleted that no sign-in could be read in."""
    names = ", ".join(path.name for path in paths)
    return Note((f"Deleted from {paths[0].parent}, because no sign-in could be read in it: {names}.",))


def remembered_note(sign_in: SignIn) -> View:
    """Returns what to know about a sign-in that is stored on this computer and that this notebook does not use."""
    path = sign_in.manager.shared_sign_in.path
    if sign_in.manager.ended:
        status = "You are not signed in, and the sign-in stored on this computer has ended. Run %cognito_login."
        return Note((status, f"It is stored in {path}; %cognito_logout removes it."))
    status = "You are signed in on this computer, but this notebook does not use it yet. Run %cognito_login."
    return Note((status, f"The sign-in is stored in {path}; %cognito_logout ends it."))


def _signed_in_at(sign_in: SignIn, claims: JwtPayload, now: datetime) -> str:
    auth_time = claims.get("auth_time")
    start = datetime.fromtimestamp(auth_time, UTC) if auth_time else None
    when = f", {format_time(start, now)}" if start else ""
    domain, days = sign_in.settings.configuration.domain, sign_in.settings.refresh_token_days
    if sign_in.manager.ended:
        return f"{domain}{when}"
    # The refresh token is opaque, so only the user pool or a setting knows when the session ends.
    if start and days is not None:
        duration = f"you stay signed in until {format_time(start + timedelta(days=days), now)}"
    else:
        duration = "you stay signed in for up to 30 days, unless your organisation set another limit"
    return f"{domain}{when}; {duration}"


def _remembered(sign_in: SignIn, *, hide_user: bool) -> str:
    stored = sign_in.manager.shared_sign_in
    warning = f" {stored.warning}" if stored.warning else ""
    if stored.path is None:
        return f"no, only until this kernel ends; %cognito_login --remember stores the sign-in.{warning}"
    return f"yes, on this computer{'' if hide_user else f', in {stored.path}'}.{warning}"


def _describe_binding(binding: Binding, now: datetime) -> str:
    if not isinstance(binding, BoundSession):
        return str(binding)
    manager, role_arn, region = binding.manager, binding.role_arn, binding.value.region_name
    account = f", account {role_account(role_arn)}" if role_arn is not None else ""
    cached = manager.cached_credentials(role_arn)
    if manager.ended:
        expired = cached is None or cached.expiration <= now
        keys = "no keys" if expired or cached is None else f"keys until {format_time(cached.expiration, now)}"
    else:
        keys = _keys_until(cached.expiration, now) if cached else "the next use fetches keys"
    return f"{binding}{account}, region {region or 'not set'}; {keys}"


def _describe_share(role: SharedRole, now: datetime) -> str:
    where = "with programs and libraries by the environment" if role.in_environment else f"at {role.url}"
    return f"{short_role(role.role_arn)}, {where}; {_share_state(role, now)}"


def _describe_cluster_share(share: ClusterShare, now: datetime) -> str:
    where = f"the {share.cluster_name} at {share.pusher.address}"
    keys = _keys_until(share.until, now) if share.until else "no keys"
    used = ""
    if share.workers_report:
        where = f"{share.workers_in_words} of {where}"
        used = f"; last used {format_time(share.last_request, now)}" if share.last_request else "; not used yet"
    warning = f"; {share.warning}" if share.warning else ""
    return f"{short_role(share.role_arn)}, with {where}; {keys}{used}{warning}"


def _share_state(role: SharedRole, now: datetime) -> str:
    keys = _keys_until(role.until, now) if role.until else str(role.warning or "no keys")
    used = f"last used {format_time(role.last_request, now)}" if role.last_request else "not used yet"
    return f"{keys}; {used}"


def _keys_until(until: datetime, now: datetime) -> str:
    return f"keys until {format_time(until, now)}, renewed automatically"


def _overriding_profile_note(shared: tuple[SharedRole, ...]) -> tuple[str, ...]:
    """Returns a note about a profile in the user's AWS files that programs would use before what is shared."""
    if not shared:
        return ()
    from ...sharing.endpoint.aws_files import default_profile_warning

    note = default_profile_warning(os.environ)
    return (note,) if note is not None else ()
