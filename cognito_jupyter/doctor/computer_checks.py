"""This computer's side of a set-up: the callback's ports, the stored sign-ins, and AWS profiles in the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._util.http.loopback import listen_on_both_loopbacks
from ..credentials.store import files
from ..credentials.store.store import Store, list_store_keys, list_unusable_files
from ..errors import CognitoError
from ..oauth.callback.connections import listener_error
from ..oauth.redirect_uri import RedirectUri, parse_redirect_uris
from ..oauth.relay.listener import Relay
from ..settings import Settings
from ..sharing.endpoint.aws_files import default_profile_warning
from .report import Check, fail, note, ok, unknown

TOPIC = "this computer"
_LOCK_TIMEOUT = 2.0
"""Seconds: a refresh that holds the lock takes less."""
_MIN_FREE = 10 * 1024 * 1024
"""Bytes: a stored sign-in takes some kilobytes, and is written beside the old one."""


def check_computer(settings: Settings | None, environ: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Yields the checks.

    Args:
        settings: The settings of the login; None: they cannot be used.
        environ: The environment of the programs that are to use AWS.
    """
    if settings is not None:
        uris = parse_redirect_uris(settings.configuration.redirect_uri)
        yield from _check_ports(uris)
        yield from _check_relay([uri for uri in uris if uri.relay])
    yield from _check_store()
    if (warning := default_profile_warning(environ)) is not None:
        yield note(TOPIC, warning)
    else:
        yield ok(TOPIC, "No AWS profile stands before what %cognito_share shares.")


def _check_ports(uris: tuple[RedirectUri, ...]) -> Iterator[Check]:
    """Yields which ports are free; one is enough, because a login listens on the first that is."""
    local = [uri for uri in uris if uri.loopback]
    if not local:
        if not any(uri.relay for uri in uris):
            yield note(TOPIC, "No redirect URI is on this computer, so the browser's address is pasted.")
        return
    free, problems = [], []
    for port in dict.fromkeys(uri.port for uri in local):
        try:
            listeners = listen_on_both_loopbacks(port, backlog=1)
        except OSError as error:
            problems.append(listener_error(port, error))
            continue
        addresses = " and ".join(listener.getsockname()[0] for listener in listeners)
        free.append(f"{port} ({addresses})")
        for listener in listeners:
            listener.close()
    if free:
        yield ok(TOPIC, f"The browser can return to port {', '.join(free)}.")
    for problem in problems:
        if free:
            yield note(TOPIC, problem.what, "Another registered port is free, so a login uses that one.")
        else:
            yield fail(TOPIC, problem.what, problem.remedy)


def _check_relay(uris: list[RedirectUri]) -> Iterator[Check]:
    """Yields whether the Jupyter server that started this process receives what is sent to its redirect URIs.

    Args:
        uris: The redirect URIs that are addresses of a relay.
    """
    relay = Relay.find() if uris else None
    for uri in uris:
        if relay is None:
            yield note(
                TOPIC,
                f"No Jupyter server with the relay has started this, so nothing receives {uri.text} here.",
                "Install cognito_jupyter beside the Jupyter server; until then the browser's address is pasted.",
            )
        elif relay.receives(uri):
            yield ok(TOPIC, f"The relay of this kernel's Jupyter server receives {uri.text}.")
        else:
            yield unknown(
                TOPIC, f"Whether {uri.text} leads to this kernel's Jupyter server: no browser has come by it."
            )


def _check_store() -> Iterator[Check]:
    directory = files.state_directory()
    try:
        exists = files.check_directory(directory)
        if exists:
            files.require_private_directory(Path(directory))
        unusable = list_unusable_files()
    except CognitoError as error:
        yield fail(TOPIC, error.what, error.remedy)
        return
    if not exists:
        yield ok(TOPIC, f"No sign-in is stored yet; {directory} is created for the first one.")
    else:
        keys = list_store_keys()
        yield ok(
            TOPIC, f"{len(keys)} stored sign-in{'' if len(keys) == 1 else 's'} in {directory}, which only you can read."
        )
        for path in unusable:
            yield fail(TOPIC, f"{path} cannot be used.", "To delete it, run: cognito-jupyter logout --all")
        for path in (Store(key).path for key in keys):
            if (problem := _locked(path)) is not None:
                yield fail(TOPIC, problem.what, problem.remedy)
    yield from _check_disk(Path(directory))


def _locked(path: Path) -> CognitoError | None:
    """Returns why the lock of a stored sign-in cannot be taken; None: it can, or nobody has taken it before."""
    if not files.lock_file(path).exists():
        return None
    try:
        with files.InterProcessLock(path, timeout=_LOCK_TIMEOUT):
            return None
    except CognitoError as error:
        return error.with_traceback(None)


def _check_disk(directory: Path) -> Iterator[Check]:
    existing = next((each for each in (directory, *directory.parents) if each.is_dir()), None)
    try:
        free = shutil.disk_usage(existing).free if existing is not None else None
    except OSError:
        free = None
    if free is None:
        yield unknown(TOPIC, f"How much space is left for {directory} is not known.")
    elif free < _MIN_FREE:
        yield fail(TOPIC, f"The disk of {directory} is full.", "Free some space, or sign in without staying signed in.")
    else:
        yield ok(TOPIC, f"The disk of {directory} has space.")
