"""One browser page with JupyterLab in it, in which the tests open one notebook after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from cognito_jupyter.demo.jupyterlab import JupyterLab

# It returns nothing: what JupyterLab returns has thousands of parts, which Playwright would read for a second.
_OPEN = "async (path) => { await window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'}) }"
# Without JupyterLab's dialog that offers to save.
_CLOSE_ALL = "() => { for (const each of [...window.jupyterapp.shell.widgets('main')]) each.dispose() }"
# JupyterLab's page finds its settings by this token, which only its own modules can import.
_CHANGE_SETTINGS = """async ([plugin, values]) => {
  const app = window.jupyterapp;
  const token = [...app.pluginRegistry._services.keys()].find(
    (each) => each.name === '@jupyterlab/coreutils:ISettingRegistry');
  const settings = await app.resolveRequiredService(token);
  await settings.upload(plugin, JSON.stringify(values));
}"""


class BrowserSession:
    """Reuses JupyterLab's page over many tests, because loading it takes longer than most of them.

    Args:
        context: The browser's context.
        lab: JupyterLab.
    """

    def __init__(self, context: BrowserContext, lab: JupyterLab) -> None:
        self._context = context
        self._lab = lab
        self._page: Page | None = None
        self._loads = 0

    def open_notebook(self, path: Path) -> Page:
        """Returns the page with a notebook open in it."""
        page = self._page
        if page is None or page.is_closed():
            page = self._page = self._context.new_page()
            self._loads += 1
            # A new workspace, without the tabs of the previous page.
            where = f"lab/workspaces/tests{self._loads}/tree/{path.name}"
            page.goto(f"{self._lab.url}{where}?token={self._lab.token}")
        else:
            page.evaluate(_CLOSE_ALL)
            page.evaluate(_OPEN, path.name)
        return page

    def close_notebooks(self) -> None:
        """Closes the notebooks, or the page if a dialog was left open."""
        page = self._page
        if page is None or page.is_closed():
            return
        if page.locator(".jp-Dialog").count():
            self.close_page()
        else:
            page.evaluate(_CLOSE_ALL)

    def change_settings(self, plugin: str, values: Mapping[str, object]) -> bool:
        """Saves the settings of a plugin as JupyterLab's settings editor does, which take effect immediately.

        Args:
            plugin: Its name.
            values: Its settings, where they are not the default ones.

        Returns:
            Whether there is a page of JupyterLab that could do so.
        """
        page = self._page
        if page is None or page.is_closed():
            return False
        page.evaluate(_CHANGE_SETTINGS, [plugin, values])
        return True

    def close_page(self) -> None:
        """Closes the page, so that the next notebook is opened in a new one."""
        if self._page is not None:
            self._page.close()
            self._page = None
