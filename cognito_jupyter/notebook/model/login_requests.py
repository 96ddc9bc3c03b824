"""What a login of the notebook is for, from the arguments of the user and the settings together.

The magics and `cognito_jupyter.login` make a request from each call, and the panel's button makes the default one.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...errors import SettingError, suggest_doctor
from ...signin.request import SignInRequest, discover_domain, domain_finder

if TYPE_CHECKING:
    from ...settings.trust import ConfirmTrust

_IPYTHON_NAME = re.compile(r"_+|_i{1,3}|_i?\d+|_[iods]h|_exit_code|__\w*__|In|Out|exit|quit|get_ipython")
"""Names of the input and output history, and of what a namespace holds at its start."""
_TRAITS_NOT_SETTINGS = frozenset({"name", "manager_name", "hide_person"})
"""Traits of the magics that are no settings of a login, and may not be in a cognito.toml."""


@dataclass(frozen=True)
class LoginArguments:
    """The options of `%cognito_login` and of `cognito_jupyter.login`; None leaves an option to the settings.

    Attributes:
        role_suffix: The end of the name of the role to select.
        name: The variable that gets the session.
        manager_name: The variable that gets the manager.
        profile: The profile of cognito.toml whose settings are used.
        identity_provider: The user pool's identity provider that signs the user in.
        login_hint: The user name or e-mail address that the sign-in page shows already filled in.
        paste: Whether to show the paste box.
        no_browser: Whether to show the link only, without opening a browser.
        panel: Whether to show the panel instead of waiting in the cell.
        share: Whether to share the role with everything else in the notebook.
        timeout: How long to wait for the user, in seconds; the settings validate it.
        remember: Whether to stay signed in on this computer.
        fresh: Whether to log in even if the user is signed in or remembered on this computer.
        switch_account: Whether to let the user sign in as another one, although the browser remembers somebody.
    """

    role_suffix: str | None = None
    name: str | None = None
    manager_name: str | None = None
    profile: str | None = None
    identity_provider: str | None = None
    login_hint: str | None = None
    paste: bool = False
    no_browser: bool = False
    panel: bool = False
    share: bool = False
    timeout: float | str | None = None
    remember: bool = False
    fresh: bool = False
    switch_account: bool = False

    @property
    def has_options(self) -> bool:
        """Whether any option but `panel` was given."""
        return replace(self, panel=False) != LoginArguments()

    def __post_init__(self) -> None:
        """Validates what the settings do not validate.

        Raises:
            SettingError: A value is malformed.
        """
        from ...settings import parsers

        if self.role_suffix is not None:
            parsers.role_suffix(self.role_suffix)
        for option in ("name", "manager_name"):
            if (value := getattr(self, option)) is not None:
                _require_variable_name(value, option)


@dataclass(frozen=True)
class LoginRequest(SignInRequest):
    """What one login of the notebook is for.

    Attributes:
        settings, role_suffix, fresh, switch_account: As in `SignInRequest`.
        session_name: The variable that gets the session.
        manager_name: The variable that gets the manager.
        paste: Whether the user wants the paste box.
        open_browser: Whether to open the sign-in page in a browser.
        share: Whether to share the role with everything else in the notebook.
        remote_reason: Why the browser may be on another computer than the kernel; None: nothing suggests it.
    """

    session_name: str = "session"
    manager_name: str = "cognito"
    paste: bool = False
    open_browser: bool = True
    share: bool = False
    remote_reason: str | None = None


class LoginRequestFactory:
    """Makes the login requests of one notebook.

    Args:
        traits: Returns the configurable traits of the magics, by name.
    """

    def __init__(self, traits: Callable[[], Mapping[str, object]]) -> None:
        self._traits = traits
        # Cached, so that a second login makes no request for it.
        self._discover_domain = functools.cache(_discover_domain)

    def default_request(self) -> LoginRequest:
        """Returns the request of a login without arguments; it asks the user nothing.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        return self.request_for(LoginArguments(), None)

    def request_for(
        self,
        arguments: LoginArguments,
        confirm_trust: ConfirmTrust | None,
        progress: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> LoginRequest:
        """Combines a login's arguments with the settings.

        Args:
            arguments: The arguments.
            confirm_trust: Asks the user about a settings file of the working folder; None: no user can be asked.
            progress: Shows what is being done during a request.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        from ...settings.resolve import resolve
        from ..kernel.frontend import remote_kernel_reason

        def discover(user_pool_id: str, region: str) -> str:
            with progress("Looking up the user pool"):
                return self._discover_domain(user_pool_id, region)

        with suggest_doctor():
            settings = resolve(
                # None counts as missing: without the option, the settings decide.
                {
                    "profile": arguments.profile,
                    "identity_provider": arguments.identity_provider,
                    "login_hint": arguments.login_hint,
                    "timeout": arguments.timeout,
                    "remember": arguments.remember or None,
                    "share": arguments.share or None,
                },
                traits=self.setting_traits(),
                discover_domain=domain_finder(fresh=arguments.fresh or arguments.switch_account, discover=discover),
                confirm_trust=confirm_trust,
            )
        return LoginRequest(
            settings=settings,
            role_suffix=arguments.role_suffix,
            fresh=arguments.fresh or arguments.switch_account,
            switch_account=arguments.switch_account,
            session_name=arguments.name or self.variable_name("name"),
            manager_name=arguments.manager_name or self.variable_name("manager_name"),
            paste=arguments.paste,
            open_browser=not arguments.no_browser,
            share=settings.share,
            remote_reason=remote_kernel_reason(settings.remote_kernel),
        )

    def setting_traits(self) -> dict[str, object]:
        """Returns the traits that are settings of a login and have a value."""
        return {
            name: value
            for name, value in self._traits().items()
            if name not in _TRAITS_NOT_SETTINGS and value not in (None, [])
        }

    def variable_name(self, trait: str) -> str:
        """Returns the name that a trait gives to a variable of the notebook.

        Args:
            trait: "name" or "manager_name".

        Raises:
            SettingError: It cannot be the name of a variable.
        """
        value = self._traits()[trait]
        _require_variable_name(value, f"c.CognitoMagics.{trait}")
        return str(value)


def _discover_domain(user_pool_id: str, region: str) -> str:
    from ..kernel.interrupts import interruptible

    with interruptible():
        return discover_domain(user_pool_id, region)


def _require_variable_name(value: object, source: str) -> None:
    """Refuses what is no variable that a user could read, and what would hide something of Python's or IPython's.

    Raises:
        SettingError: The value is such a name.
    """
    if not isinstance(value, str) or not value.isidentifier() or keyword.iskeyword(value):
        reason = "which cannot be the name of a variable"
    elif unicodedata.normalize("NFKC", value) != value:
        # Python reads it in that form wherever it stands in code, and would not find the variable.
        reason = f"which Python reads as {unicodedata.normalize('NFKC', value)!r}"
    elif hasattr(builtins, value) or keyword.issoftkeyword(value):
        reason = "which is a name of Python's own"
    elif _IPYTHON_NAME.fullmatch(value):
        reason = "which IPython or Python sets by itself"
    else:
        return
    raise SettingError(f"{source} is {value!r}, {reason}.", "Choose another name.")
