"""The panel for everybody: screen readers, narrow windows, large type, dark and light; and how it looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cognito_jupyter.local import LocalCognito

from .book import NotebookPage
from .conftest import THEMES, ChangeSettings, OpenNotebook
from .states import CELLS, panel_states

# What sticks out of the panel, or holds more text than it shows: each would be cut off.
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
    if (!box.width || !box.height || node.closest('svg, .bar')) return false;
    const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.bottom <= frame.bottom + 1;
    const line = parseFloat(getComputedStyle(node).fontSize);
    // A word that is broken to one letter a line is cut off as well.
    const squeezed = node.textContent.trim().length > 3 && box.width < 2 * line && box.height > 3 * line;
    return !inside || clipped(node) || squeezed;
  }).map((node) => `${node.tagName}.${node.className}: ${(node.textContent || node.placeholder).slice(0, 60)}`);
}"""
# JupyterLab gives its parts their sizes a moment after its window has changed.
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
"""What a window of 1200 by 1000 pixels is to its page at a zoom of 200 %."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible(
    open_book: OpenNotebook, cognito: LocalCognito, lab_settings: ChangeSettings, scheme: str
) -> None:
    """axe-core finds nothing serious; nothing is cut off at 320 pixels, nor at a zoom of 200 %.

    A picture of each state goes into the folder that the variable SCREENSHOTS names, if it does.
    """
    lab_settings(THEMES, {"theme": f"JupyterLab {scheme.title()}"})
    book = open_book(*CELLS)
    expect(book.page.locator("body")).to_have_attribute("data-jp-theme-light", str(scheme == "light").lower())
    seen, faults = [], []
    for state in panel_states(book, cognito):
        seen.append(state)
        faults += [f"{state}: {fault}" for fault in (*_serious_violations(book.page), *_cut_off(book))]
        _take_screenshot(book, f"{state}-{scheme}")
        with _zoomed(book):
            faults += [f"{state} at 200 %: {fault}" for fault in _cut_off(book)]
        with _narrow(book):
            faults += [f"{state} at {_NARROW} px: {fault}" for fault in _cut_off(book)]
            _take_screenshot(book, f"{state}-{scheme}-{_NARROW}")
    assert faults == []
    assert len(seen) == 11


def _serious_violations(page: Page) -> list[str]:
    violations = Axe().run(page, context=".cognito-panel").response["violations"]
    grave = [each for each in violations if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in grave]


def _cut_off(book: NotebookPage) -> list[str]:
    found: list[str] = book.panel.evaluate(_CUT_OFF)
    return found


@contextmanager
def _zoomed(book: NotebookPage) -> Iterator[None]:
    page = book.page
    usual = page.viewport_size
    assert usual is not None
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setDeviceMetricsOverride", _ZOOMED)
    book.panel.evaluate(_LAYOUT_SETTLED)
    try:
        yield
    finally:
        devtools.send("Emulation.clearDeviceMetricsOverride")
        devtools.detach()
        # Clearing takes away Playwright's own as well.
        page.set_viewport_size(usual)
        book.panel.evaluate(_LAYOUT_SETTLED)


@contextmanager
def _narrow(book: NotebookPage) -> Iterator[None]:
    """A window that leaves the panel's place 320 pixels."""
    usual = book.page.viewport_size
    assert usual is not None
    # Twice: JupyterLab's side bar too gets narrower with the window.
    for _ in range(2):
        beside = int(book.panel.evaluate(_WIDTH_BESIDE_PANEL))
        book.page.set_viewport_size({"width": _NARROW + beside, "height": usual["height"]})
        book.panel.evaluate(_LAYOUT_SETTLED)
    try:
        yield
    finally:
        book.page.set_viewport_size(usual)
        book.panel.evaluate(_LAYOUT_SETTLED)


def _take_screenshot(book: NotebookPage, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        book.page.mouse.move(0, 0)
        Path(folder).mkdir(parents=True, exist_ok=True)
        book.panel.screenshot(path=Path(folder, f"{name}.png"), animations="allow")
