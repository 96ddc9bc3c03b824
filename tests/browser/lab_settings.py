"""The settings of JupyterLab's plugins, which take effect in the page that the tests share."""

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
        session: May have a page of JupyterLab.
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
        """Saves the wanted settings: by JupyterLab's page, or for the page that is loaded later."""
        wanted = {plugin: values for plugin, values in self._wanted.items() if values}
        for plugin in wanted.keys() | self._saved.keys():
            values = wanted.get(plugin, {})
            if values != self._saved.get(plugin, {}) and not self._session.change_settings(plugin, values):
                self._pool.send_request("PUT", f"lab/api/settings/{plugin}", raw=json.dumps(values))
        self._saved = wanted
