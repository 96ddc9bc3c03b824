"""What all open shares want of one environment: each may close before or after the others.

`KernelEndpoint` has one for each environment that a share changes. It never starts or asks the endpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Mapping, MutableMapping

from .environment import EnvironmentOverlay


class SharedEnvironment:
    """One environment, and what each open share wants of it; where two want different values, the later one counts.

    Args:
        environ: The environment, usually os.environ.

    Attributes:
        environ: As given.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self.environ = environ
        self._overlay = EnvironmentOverlay(environ)
        self._wanted: dict[object, dict[str, str | None]] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<SharedEnvironment: {self._overlay!r}>"

    @property
    def in_use(self) -> bool:
        """Whether an open share has changed it."""
        return bool(self._wanted)

    def original(self) -> dict[str, str]:
        """Returns the environment as it would be if nothing were shared."""
        with self._lock:
            return self._overlay.original()

    def change(self, owner: object, changes: Mapping[str, str | None]) -> None:
        """Changes variables for a share, which thereby becomes the latest.

        Args:
            owner: The share.
            changes: For each variable its value; None removes it.
        """
        with self._lock:
            self._wanted[owner] = self._wanted.pop(owner, {}) | dict(changes)
            self._apply(changes)

    def restore(self, owner: object) -> None:
        """Takes back the changes of a share, except where other code has changed a variable since.

        Args:
            owner: The share.
        """
        with self._lock:
            self._wanted.pop(owner, None)
            self._apply()

    def _apply(self, requested: Container[str] = ()) -> None:
        """Applies what is wanted; what other code has changed since stays so, unless it is requested now."""
        merged = {name: value for wanted in self._wanted.values() for name, value in wanted.items()}
        changed = self._overlay.is_changed_by_others
        self._overlay.replace({n: value for n, value in merged.items() if n in requested or not changed(n)})
