"""The README and the pages of docs/: their links lead to files, and they are complete."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

from cognito_jupyter.credentials.identity_pool.aws_errors import _FINAL, _NOT_AUTHORIZED

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md"))]
SCREENSHOTS = sorted(path.name for path in (DOCS / "screenshots").glob("*.png"))
LINK = re.compile(r'(?:\]\(|src="|srcset=")([^)"\s]+)')
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "cognito_jupyter"
APART = {"local", "demo"}
"""Programs of their own, whose threads and locks ARCHITECTURE.md does not list."""
REPOSITORY = "https://github.com/cognito-jupyter/cognito_jupyter"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    """Also a link to a file of the repository by its public address."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    missing = []
    for link in LINK.findall(text):
        in_repository = link.removeprefix(f"{REPOSITORY}/blob/main/")
        path, base = (in_repository, ROOT) if in_repository != link else (link.partition("#")[0], page.parent)
        if "://" not in path and path and not (base / path.partition("#")[0]).exists():
            missing.append(link)
    assert not missing


def test_the_readme_takes_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_links_of_the_package_description_are_absolute() -> None:
    """A package index shows the README where relative links lead nowhere."""
    description = metadata("cognito_jupyter")["Description"]
    links = LINK.findall(description)
    assert len(links) > 10
    assert not [link for link in links if not link.startswith("https://")]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    assert {page.name for page in DOCS.glob("*.md")} == set(re.findall(r"[\w-]+\.md", navigation))


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_every_picture_of_the_panel_is_shown(name: str) -> None:
    assert f"screenshots/{name}" in (DOCS / "notebook.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return ARCHITECTURE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def modules_with(pattern: str) -> set[str]:
    """Returns the modules whose code matches, as ARCHITECTURE.md names them."""
    modules = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    return {
        str(module)
        for module in modules
        if module.parts[0] not in APART and re.search(pattern, (PACKAGE / module).read_text(encoding="utf-8"))
    }


def test_every_module_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`((?:\w+/)+\w+\.(?:py|js))`", ARCHITECTURE))
    assert len(named) > 40
    assert not [name for name in named if not any((folder / name).exists() for folder in (ROOT, PACKAGE))]


def test_the_architecture_lists_every_thread() -> None:
    started = modules_with(r"\bThread\(|\bRefreshLoop\(|asyncio\.to_thread\(")
    listed = set(re.findall(r"`([\w/]+\.py)`", section("Threads")))
    assert started
    assert started <= listed


def test_the_architecture_lists_every_lock() -> None:
    locks = modules_with(r"\bR?Lock\(\)|\bLock\)|\bFileLock\(|\bSingleFlight\(")
    assert locks
    assert locks <= set(re.findall(r"`([\w/]+\.py)`", section("Locks")))


@pytest.mark.parametrize("meaning", [each[1] for each in _NOT_AUTHORIZED] + [each[0] for each in _FINAL.values()])
def test_every_error_of_the_identity_pool_is_in_the_troubleshooting_page(meaning: str) -> None:
    sentence = re.split(r"[;:.]| in \{region\}", meaning, maxsplit=1)[0]
    assert sentence in (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
