"""The names that a sign-in gives to the notebook: set only where they are free or ours, taken away only while ours."""

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
    """A variable that holds a manager."""

    value: CognitoCredentialsManager
    option = "--manager-name"

    def __str__(self) -> str:
        return "the sign-in itself"


@dataclass(frozen=True)
class BoundSession:
    """A variable that holds a session, and whose it is.

    Attributes:
        role_arn: None where the identity pool's default role decides.
        region: What the session was made for; None: the manager's own.
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
    """What we have put into the user's namespace.

    Args:
        shell: Whose namespace; `%reset` may give it another dict, so it is looked up each time.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._bound: dict[str, Binding] = {}

    def check_names(self, session_name: str, manager_name: str) -> None:
        """Refuses names that are taken, before anybody signs in for nothing.

        Raises:
            SettingError: A name holds something else, or both are the same.
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
        """Sets a variable, which is ours from now on."""
        self._shell.user_ns[name] = binding.value
        self._bound[name] = binding

    def get_binding(self, name: str) -> Binding | None:
        """What a variable holds, if we put it there and it is still there."""
        binding = self._bound.get(name)
        return binding if self._is_still_bound(binding, name) else None

    def role_arn_of(self, name: str, manager: CognitoCredentialsManager) -> str | None:
        """The role of a session of ours; None where a variable holds none of this sign-in, or no role decides."""
        binding = self.get_binding(name)
        return binding.role_arn if isinstance(binding, BoundSession) and binding.manager is manager else None

    def bound(self) -> dict[str, Binding]:
        """All variables that are still ours, in the order in which they were set."""
        return {name: binding for name, binding in self._bound.items() if self._is_still_bound(binding, name)}

    def clear(self) -> list[str]:
        """Takes away what is still ours; returns the names."""
        names = list(self.bound())
        for name in names:
            del self._shell.user_ns[name]
        self._bound.clear()
        return names

    def _is_still_bound(self, binding: Binding | None, name: str) -> TypeGuard[Binding]:
        return binding is not None and self._shell.user_ns.get(name) is binding.value


def short_role(role_arn: str | None) -> str:
    """A role as a person calls it: the last part of its ARN."""
    return f"role {role_arn.rpartition('/')[2]}" if role_arn else "the pool's default role"
