"""A person's browser with JupyterLab open in it, where one notebook after the other is opened and closed again."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from cognito_jupyter.demo.jupyterlab import JupyterLab

_OPEN = "(path) => window.jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'})"
# Without the question whether to save.
_CLOSE_ALL = "() => { for (const each of [...window.jupyterapp.shell.widgets('main')]) each.dispose() }"


class BrowserSession:
    """Keeps JupyterLab's page over many tests: to load it takes longer than most of them.

    Args:
        context: The person's browser.
        lab: JupyterLab.
    """

    def __init__(self, context: BrowserContext, lab: JupyterLab) -> None:
        self._context = context
        self._lab = lab
        self._page: Page | None = None
        self._loads = 0

    def open_notebook(self, path: Path) -> Page:
        """The page, with a notebook in it."""
        page = self._page
        if page is None or page.is_closed():
            page = self._page = self._context.new_page()
            self._loads += 1
            # A workspace of its own, without the tabs of the page before.
            where = f"lab/workspaces/desk{self._loads}/tree/{path.name}"
            page.goto(f"{self._lab.url}{where}?token={self._lab.token}")
        else:
            page.evaluate(_CLOSE_ALL)
            page.evaluate(_OPEN, path.name)
        return page

    def close_notebooks(self) -> None:
        """Closes the notebooks; the page too, where something was left standing over them."""
        page = self._page
        if page is None or page.is_closed():
            return
        if page.locator(".jp-Dialog").count():
            self.close_page()
        else:
            page.evaluate(_CLOSE_ALL)

    def close_page(self) -> None:
        """Closes the page: the next one is loaded anew, with the settings of that time."""
        if self._page is not None:
            self._page.close()
            self._page = None
