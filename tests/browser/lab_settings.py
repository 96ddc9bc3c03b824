"""The settings of JupyterLab's plugins: its page is loaded again only for a test that needs others than it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Protocol

from .browser_session import BrowserSession
from .kernel_pool import KernelPool

THEMES = "@jupyterlab/apputils-extension:themes"
WIDGETS = "@jupyter-widgets/jupyterlab-manager:plugin"
SUBSHELLS = "@jupyterlab/apputils-extension:kernels-settings"
DOCUMENTS = "@jupyterlab/docmanager-extension:plugin"


class ChangeSettings(Protocol):
    """Changes the settings of a plugin, for the notebooks that are opened later."""

    def __call__(self, plugin: str, values: Mapping[str, object]) -> None: ...


class LabSettings:
    """The settings that tests want, and those that JupyterLab has.

    Args:
        pool: Sends requests to Jupyter Server.
        session: Has the page that was loaded with the settings of that time.
    """

    def __init__(self, pool: KernelPool, session: BrowserSession) -> None:
        self._pool = pool
        self._session = session
        self._wanted: dict[str, Mapping[str, object]] = {}
        self._saved: dict[str, Mapping[str, object]] = {}

    def changed(self) -> Iterator[ChangeSettings]:
        """Yields what changes a plugin's settings; what was changed by it is no longer wanted afterwards."""
        plugins: set[str] = set()

        def change(plugin: str, values: Mapping[str, object]) -> None:
            plugins.add(plugin)
            self._wanted[plugin] = values

        yield change
        for plugin in plugins:
            self._wanted.pop(plugin, None)

    def save(self) -> None:
        """Saves the wanted settings as JupyterLab's settings editor does, and closes a page that has others."""
        wanted = {plugin: values for plugin, values in self._wanted.items() if values}
        if wanted == self._saved:
            return
        for plugin in wanted.keys() | self._saved.keys():
            values = json.dumps(wanted.get(plugin, {}))
            self._pool.send_request("PUT", f"lab/api/settings/{plugin}", raw=values)
        self._saved = wanted
        self._session.close_page()
