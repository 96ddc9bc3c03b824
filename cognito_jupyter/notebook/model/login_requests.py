"""From what was typed and what is set to what a login asks for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ...errors import SettingError
from .. import arguments as read

if TYPE_CHECKING:
    from ...settings import Settings
    from ...settings.trust import ConfirmTrust
    from ..arguments import LoginArguments
    from ..magics import CognitoMagics
    from .sign_in import LoginRequest

_TRAITS_NOT_SETTINGS = frozenset({"name", "manager_name", "hide_person", "share"})
"""Traits of the magics that are no settings of a login, and stand in no file."""


class LoginRequestFactory:
    """Makes the requests of a notebook's logins.

    Args:
        magics: Whose traits are settings.
    """

    def __init__(self, magics: CognitoMagics) -> None:
        self._magics = magics

    def default_request(self) -> LoginRequest:
        """What a login without arguments asks for; nobody can be asked anything on the way.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        return self.request_for(read.NO_ARGUMENTS, None)

    def request_for(self, arguments: LoginArguments, confirm_trust: ConfirmTrust | None) -> LoginRequest:
        """What a login's arguments and the settings together ask for.

        Args:
            arguments: The arguments.
            confirm_trust: Asks whoever is there about a settings file; None: nobody can be asked.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        from ..kernel.frontend import remote_kernel_reason
        from .sign_in import LoginRequest

        settings = self._resolve_settings(arguments, confirm_trust)
        return LoginRequest(
            settings=settings,
            session_name=arguments.name or self.variable_name("name"),
            manager_name=arguments.manager_name or self.variable_name("manager_name"),
            role_suffix=arguments.role_suffix,
            timeout=arguments.timeout or settings.timeout,
            paste=arguments.paste,
            open_browser=not arguments.no_browser,
            share=arguments.share or self._magics.share,
            fresh=arguments.fresh,
            remote_reason=remote_kernel_reason(settings.remote_kernel),
        )

    def variable_name(self, trait: str) -> str:
        """The name that a trait gives to a variable of the notebook.

        Raises:
            SettingError: It cannot be one.
        """
        value: str = getattr(self._magics, trait)
        if not value.isidentifier():
            raise SettingError(
                f"CognitoMagics.{trait} is {value!r}, which cannot be the name of a variable.", "Change it."
            )
        return value

    def _resolve_settings(self, arguments: LoginArguments, confirm_trust: ConfirmTrust | None) -> Settings:
        """All settings of a login, from where each is set most strongly."""
        from ...settings.resolve import resolve

        overrides: dict[str, object] = {"timeout": arguments.timeout} if arguments.timeout else {}
        if arguments.remember:
            overrides["remember"] = True
        discover = self._discover if arguments.fresh else self._remembered_or_discovered_domain
        return resolve(
            overrides,
            traits=self._configured_traits(),
            profile=arguments.profile,
            discover_domain=discover,
            confirm_trust=confirm_trust,
        )

    def _configured_traits(self) -> dict[str, object]:
        """The settings that somebody has given by `c.CognitoMagics` or `%config`."""
        names = [name for name in self._magics.class_own_traits(config=True) if name not in _TRAITS_NOT_SETTINGS]
        values = {name: getattr(self._magics, name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, [])}

    @functools.cached_property
    def _discover(self) -> functools._lru_cache_wrapper[str]:
        """Finds a pool's domain, over the network only once: a second login asks nobody."""
        from ...oauth.discovery import discover_domain

        return functools.cache(discover_domain)

    def _remembered_or_discovered_domain(self, user_pool_id: str, region: str) -> str:
        """A pool's domain: nobody is asked for that of a sign-in that is kept on this computer."""
        from ...credentials.remembered import remembered_domain

        return remembered_domain(user_pool_id) or self._discover(user_pool_id, region)
