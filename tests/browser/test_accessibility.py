"""The panel for all users: screen readers, narrow windows, large type, dark and light themes; and pictures of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cognito_jupyter.local import LocalCognito

from .conftest import OpenNotebook
from .lab_settings import THEMES, ChangeSettings
from .notebook_page import NotebookPage
from .panel_states import CELLS, panel_states

# The elements that stick out of the panel, or hold more text than they show: each would be cut off.
_CUT_OFF = """(panel) => {
  const frame = panel.getBoundingClientRect();
  const pen = document.createElement('canvas').getContext('2d');
  const width = (node, text) => { pen.font = getComputedStyle(node).font; return pen.measureText(text).width; };
  const room = (node) => {
    const style = getComputedStyle(node);
    return node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  };
  const clipped = (node) => {
    if (node.tagName === 'INPUT') return width(node, node.placeholder) > room(node) + 1;
    if (node.tagName === 'SELECT') return width(node, node.selectedOptions[0]?.text || '') > room(node) + 1;
    return node.tagName !== 'OPTION' && node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1;
  };
  return [...panel.querySelectorAll('*')].filter((node) => {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || !node.checkVisibility() || node.closest('svg, .bar')) return false;
    const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.bottom <= frame.bottom + 1;
    const line = parseFloat(getComputedStyle(node).fontSize);
    // A word that is broken to one letter a line is cut off as well.
    const squeezed = node.textContent.trim().length > 3 && box.width < 2 * line && box.height > 3 * line;
    return !inside || clipped(node) || squeezed;
  }).map((node) => `${node.tagName}.${node.className}: ${(node.textContent || node.placeholder).slice(0, 60)}`);
}"""
# JupyterLab resizes its parts a moment after its window has changed.
_LAYOUT_SETTLED = """async (panel) => {
  const width = () => panel.parentElement.getBoundingClientRect().width;
  for (let before = 0; width() !== before || width() >= window.innerWidth; ) {
    before = width();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}"""
_WIDTH_BESIDE_PANEL = "(panel) => window.innerWidth - panel.parentElement.getBoundingClientRect().width"
_NARROW = 320
_ZOOMED = {"width": 600, "height": 500, "deviceScaleFactor": 2, "mobile": False}
"""The size that a page sees of a window of 1200 by 1000 pixels at a zoom of 200 %."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible(
    open_notebook: OpenNotebook, cognito: LocalCognito, lab_settings: ChangeSettings, scheme: str
) -> None:
    """axe-core finds nothing serious, and nothing is cut off, neither at 320 pixels nor at a zoom of 200 %.

    If the variable SCREENSHOTS names a folder, a picture of each state goes there.
    """
    lab_settings(THEMES, {"theme": f"JupyterLab {scheme.title()}"})
    notebook = open_notebook(*CELLS)
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", str(scheme == "light").lower())
    seen, faults = [], []
    for state in panel_states(notebook, cognito):
        seen.append(state)
        faults += [f"{state}: {fault}" for fault in (*_serious_violations(notebook.page), *_cut_off(notebook))]
        _take_screenshot(notebook, f"{state}-{scheme}")
        with _zoomed(notebook):
            faults += [f"{state} at 200 %: {fault}" for fault in _cut_off(notebook)]
        with _narrow(notebook):
            faults += [f"{state} at {_NARROW} px: {fault}" for fault in _cut_off(notebook)]
            _take_screenshot(notebook, f"{state}-{scheme}-{_NARROW}")
    assert faults == []
    assert len(seen) == 13


def _serious_violations(page: Page) -> list[str]:
    # Its script has half a megabyte, and enters each page only once.
    axe = Axe("") if page.evaluate("() => 'axe' in window") else Axe()
    violations = axe.run(page, context=".cognito-panel").response["violations"]
    grave = [each for each in violations if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in grave]


def _cut_off(notebook: NotebookPage) -> list[str]:
    found: list[str] = notebook.panel.evaluate(_CUT_OFF)
    return found


@contextmanager
def _zoomed(notebook: NotebookPage) -> Iterator[None]:
    page = notebook.page
    usual = page.viewport_size
    assert usual is not None
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setDeviceMetricsOverride", _ZOOMED)
    notebook.panel.evaluate(_LAYOUT_SETTLED)
    try:
        yield
    finally:
        devtools.send("Emulation.clearDeviceMetricsOverride")
        devtools.detach()
        # Clearing also removes Playwright's own setting.
        page.set_viewport_size(usual)
        notebook.panel.evaluate(_LAYOUT_SETTLED)


@contextmanager
def _narrow(notebook: NotebookPage) -> Iterator[None]:
    """Makes the window so narrow that the panel has 320 pixels."""
    usual = notebook.page.viewport_size
    assert usual is not None
    # Twice, because JupyterLab's side bar gets narrower with the window too.
    for _ in range(2):
        beside = int(notebook.panel.evaluate(_WIDTH_BESIDE_PANEL))
        notebook.page.set_viewport_size({"width": _NARROW + beside, "height": usual["height"]})
        notebook.panel.evaluate(_LAYOUT_SETTLED)
    try:
        yield
    finally:
        notebook.page.set_viewport_size(usual)
        notebook.panel.evaluate(_LAYOUT_SETTLED)


def _take_screenshot(notebook: NotebookPage, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        notebook.page.mouse.move(0, 0)
        Path(folder).mkdir(parents=True, exist_ok=True)
        notebook.panel.screenshot(path=Path(folder, f"{name}.png"), animations="allow")
