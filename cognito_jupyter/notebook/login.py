"""Signing in by a top-level `await`: what `%cognito_login` does, for cells that are written as code."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ..errors import SettingError
from . import arguments as read
from .extension import require_magics
from .model.user_namespace import BoundSession

if TYPE_CHECKING:
    import boto3

_Value = TypeVar("_Value")


async def login(  # noqa: PLR0913 - the options of the magic, by the same names
    role_suffix: str | None = None,
    *,
    name: str | None = None,
    manager_name: str | None = None,
    profile: str | None = None,
    paste: bool = False,
    no_browser: bool = False,
    share: bool = False,
    remember: bool = False,
    fresh: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109 - how long the person has; it ends as an error of its own
) -> boto3.Session:
    """Signs in at Amazon Cognito in a notebook: `session = await cognito_jupyter.login("Analyst")`.

    It does what `%cognito_login` does, by the same settings: it shows the panel, or a link where no widgets are shown,
    and waits until the person has signed in; run again it does nothing, and with another role it signs nobody in
    again. The kernel's event loop goes on meanwhile. The notebook gets its variables as by the magic.

    Args:
        role_suffix: The end of the name of the role to take; None: the one that the variable has, else the first there
            is.
        name: The variable that gets the session; None: as set, `session`.
        manager_name: The variable that gets the sign-in; None: as set, `cognito`.
        profile: The profile of cognito.toml whose settings are used.
        paste: Whether to ask also for the address that the browser ends at.
        no_browser: Whether only to show the link, without opening a browser.
        share: Whether everything else in the notebook is to use the role too, as by `%cognito_share`.
        remember: Whether to stay signed in on this computer, so that new kernels ask nobody.
        fresh: Whether to sign in anew, whoever is signed in.
        timeout: Seconds that the person has; None: as set, 300.

    Returns:
        The session, whose credentials renew themselves.

    Raises:
        SettingError: A setting or an argument is missing or malformed, or a variable's name is taken (a ValueError).
        LoginError: There is no notebook, or the person did not finish the sign-in (a ConnectionError).
        RefusedError: Cognito refused, or the role cannot be had (a PermissionError).
        UnavailableError: Cognito or AWS could not be reached (a ConnectionError).
    """
    magics = require_magics("cognito_jupyter.login()")
    arguments = replace(
        read.NO_ARGUMENTS,
        role_suffix=_validated("role_suffix", read.role_suffix, role_suffix),
        name=_validated("name", read.variable_name, name),
        manager_name=_validated("manager_name", read.variable_name, manager_name),
        profile=profile,
        paste=paste,
        no_browser=no_browser,
        share=share,
        remember=remember,
        fresh=fresh,
        timeout=None if timeout is None else _validated("timeout", read.timeout_seconds, str(timeout)),
    )
    request = magics.login_request(arguments)
    with magics.state.frontend.comm_pump() as on_tick:

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds)
            on_tick()

        await magics.state.ensure_signed_in(request, sleep)
    bound = magics.state.variables.get_binding(request.session_name)
    if not isinstance(bound, BoundSession):
        raise SettingError(
            f"The variable {request.session_name} was given something else meanwhile.", "Choose another name."
        )
    return bound.value


def _validated(name: str, validate: Callable[[str], _Value], value: str | None) -> _Value | None:
    """An argument, checked as the magic checks it.

    Raises:
        SettingError: It is malformed.
    """
    if value is None:
        return None
    try:
        return validate(value)
    except argparse.ArgumentTypeError as error:
        raise SettingError(f"{name}: {error}.", "Give it another value.") from None
