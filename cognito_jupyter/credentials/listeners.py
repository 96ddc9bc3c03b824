"""Who wants to hear that something has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class ChangeNotifier:
    """Callbacks, told in whatever thread made a change."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Tells it from now on; returns a function that ends it."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def notify(self) -> None:
        """Tells all of them."""
        for callback in list(self._callbacks):
            try:
                callback()
            except Exception:  # noqa: BLE001 - somebody else's fault, which is not to cost anybody the credentials
                _LOG.warning("A callback given to on_change failed.", exc_info=True)
