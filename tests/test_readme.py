"""What the README points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCREENSHOTS = sorted(path.name for path in (ROOT / "docs" / "screenshots").glob("*.png"))


def test_every_link_to_a_file_has_a_target() -> None:
    named = re.findall(r'(?:\]\(|src="|srcset=")([^)"#]+)', README)
    assert len(named) > len(SCREENSHOTS)
    assert not [name for name in named if "://" not in name and not (ROOT / name).exists()]


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_every_picture_of_the_panel_is_shown(name: str) -> None:
    assert f"docs/screenshots/{name}" in README
