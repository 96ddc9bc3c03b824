"""One browser page with JupyterLab in it, in which the tests open one notebook after the other."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from cognito_jupyter.demo.jupyterlab import JupyterLab

# It returns nothing: what JupyterLab returns has thousands of parts, which Playwright would read for a second.
_OPEN = "async (path) => { await window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'}) }"
# Without JupyterLab's dialog that offers to save.
_CLOSE_ALL = "() => { for (const each of [...window.jupyterapp.shell.widgets('main')]) each.dispose() }"


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

    def close_page(self) -> None:
        """Closes the page, so that the next one is loaded with the current settings."""
        if self._page is not None:
            self._page.close()
            self._page = None
