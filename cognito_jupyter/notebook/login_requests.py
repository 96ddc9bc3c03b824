"""From what was typed and what is set to what a login asks for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ..errors import SettingError
from . import arguments as read

if TYPE_CHECKING:
    from ..agreement import Agree
    from ..config import Settings
    from .arguments import LoginArguments
    from .magics import CognitoMagics
    from .signin import LoginRequest

_OWN_TRAITS = frozenset({"name", "manager_name", "hide_person", "share"})
"""Traits of the magics that are no settings of a login, and stand in no file."""


class LoginRequests:
    """Makes the requests of a notebook's logins.

    Args:
        magics: Whose traits are settings.
    """

    def __init__(self, magics: CognitoMagics) -> None:
        self._magics = magics

    def usual(self) -> LoginRequest:
        """What a login without arguments asks for; nobody can be asked anything on the way.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        return self.of(read.NO_ARGUMENTS, None)

    def of(self, given: LoginArguments, agree: Agree | None) -> LoginRequest:
        """What a login's arguments and the settings together ask for.

        Args:
            given: The arguments.
            agree: Asks whoever is there about a settings file; None: nobody can be asked.

        Raises:
            SettingError: A setting is missing or malformed.
        """
        from .frontend import sign_of_distance
        from .signin import LoginRequest

        settings = self._settings(given, agree)
        return LoginRequest(
            settings=settings,
            session_name=given.name or self.variable("name"),
            manager_name=given.manager_name or self.variable("manager_name"),
            role_suffix=given.role_suffix,
            timeout=given.timeout or settings.timeout,
            paste=given.paste,
            open_browser=not given.no_browser,
            share=given.share or self._magics.share,
            fresh=given.fresh,
            distance=sign_of_distance(settings.remote_kernel),
        )

    def variable(self, trait: str) -> str:
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

    def _settings(self, given: LoginArguments, agree: Agree | None) -> Settings:
        """All settings of a login, from where each is set most strongly."""
        from ..config import resolve

        overrides: dict[str, object] = {"timeout": given.timeout} if given.timeout else {}
        if given.remember:
            overrides["remember"] = True
        discover = self._discover if given.fresh else self._known_or_discovered
        return resolve(overrides, traits=self._traits_set(), profile=given.profile, discover=discover, agree=agree)

    def _traits_set(self) -> dict[str, object]:
        """The settings that somebody has given by `c.CognitoMagics` or `%config`."""
        names = [name for name in self._magics.class_own_traits(config=True) if name not in _OWN_TRAITS]
        values = {name: getattr(self._magics, name) for name in names}
        return {name: value for name, value in values.items() if value not in (None, [])}

    @functools.cached_property
    def _discover(self) -> functools._lru_cache_wrapper[str]:
        """Finds a pool's domain, over the network only once: a second login asks nobody."""
        from ..oauth.discovery import discover_domain

        return functools.cache(discover_domain)

    def _known_or_discovered(self, user_pool_id: str, region: str) -> str:
        """A pool's domain: nobody is asked for that of a sign-in that is kept on this computer."""
        from ..credentials.kept import kept_domain

        return kept_domain(user_pool_id) or self._discover(user_pool_id, region)
