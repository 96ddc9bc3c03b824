"""The variables that a sign-in sets in the user's namespace.

A variable is set only if its name is free or was set by a sign-in before, and deleted only while it is unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from ...errors import SettingError

if TYPE_CHECKING:
    import boto3
    from IPython.core.interactiveshell import InteractiveShell

    from ...credentials.manager import CognitoCredentialsManager


@dataclass(frozen=True)
class BoundManager:
    """A variable that holds a manager.

    Attributes:
        value: The manager.
        option: The option of `%cognito_login` that names the variable.
    """

    value: CognitoCredentialsManager
    option = "--manager-name"

    def __str__(self) -> str:
        return "the sign-in itself"


@dataclass(frozen=True)
class BoundSession:
    """A variable that holds a session.

    Attributes:
        value: The session.
        manager: The manager that refreshes its credentials.
        role_arn: None: the identity pool's default role.
        region: The region that the session was made for; None: the manager's.
        option: The option of `%cognito_login` that names the variable.
    """

    value: boto3.Session
    manager: CognitoCredentialsManager
    role_arn: str | None
    region: str | None
    option = "--name"

    def __str__(self) -> str:
        return f"a boto3 session, {short_role(self.role_arn)}"


Binding = BoundManager | BoundSession


class Variables:
    """The variables that sign-ins have set in the user's namespace.

    Args:
        shell: The shell; `%reset` may give it another namespace, so the namespace is looked up each time.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._bound: dict[str, Binding] = {}

    def check_names(self, session_name: str, manager_name: str) -> None:
        """Refuses names that are in use, before the user signs in for nothing.

        Args:
            session_name: The variable that gets the session.
            manager_name: The variable that gets the manager.

        Raises:
            SettingError: A variable holds something else, or both names are the same.
        """
        if session_name == manager_name:
            raise SettingError(
                f"The session and the manager cannot both be called {session_name}.",
                "Give one of them another name with --name or --manager-name.",
            )
        for name, option in ((session_name, BoundSession.option), (manager_name, BoundManager.option)):
            if name in self._shell.user_ns and not self._is_still_bound(self._bound.get(name), name):
                raise SettingError(
                    f"The variable {name} already holds something else, which would be lost.",
                    f"Choose another name with {option}, or delete the variable first.",
                )

    def bind(self, name: str, binding: Binding) -> None:
        """Sets a variable.

        Args:
            name: Its name.
            binding: What it gets.
        """
        self._shell.user_ns[name] = binding.value
        self._bound[name] = binding

    def get_binding(self, name: str) -> Binding | None:
        """Returns what a sign-in has set a variable to; None if the user has changed it since."""
        binding = self._bound.get(name)
        return binding if self._is_still_bound(binding, name) else None

    def bound_session(self, name: str, manager: CognitoCredentialsManager) -> BoundSession | None:
        """Returns the session of a sign-in that a variable holds.

        Args:
            name: The variable.
            manager: The manager of the sign-in.
        """
        binding = self.get_binding(name)
        return binding if isinstance(binding, BoundSession) and binding.manager is manager else None

    def bound(self) -> dict[str, Binding]:
        """Returns all variables that are unchanged, in the order in which they were set."""
        # A copy: a login's thread may set one in the meantime. A list of the items would be made of new tuples, for
        # which the garbage collector may run, and with it another thread.
        return {name: binding for name, binding in self._bound.copy().items() if self._is_still_bound(binding, name)}

    def clear(self) -> list[str]:
        """Deletes the variables that are unchanged, and returns their names."""
        names = list(self.bound())
        for name in names:
            self._shell.user_ns.pop(name, None)
        self._bound.clear()
        return names

    def _is_still_bound(self, binding: Binding | None, name: str) -> TypeGuard[Binding]:
        return binding is not None and self._shell.user_ns.get(name) is binding.value


def role_account(role_arn: str) -> str:
    """Returns the AWS account of a role."""
    return role_arn.split(":")[4]


def short_role(role_arn: str | None) -> str:
    """Returns a role as users call it: the last part of its ARN."""
    return f"role {role_arn.rpartition('/')[2]}" if role_arn else "the pool's default role"
