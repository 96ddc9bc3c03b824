"""What is in the wheel and in the source archive: what git has, and nothing else."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
FILES = "https://github.com/cognito-jupyter/cognito_jupyter/blob/main/"
PICTURES = "https://raw.githubusercontent.com/cognito-jupyter/cognito_jupyter/main/"
NOTEBOOKS = "cognito_jupyter/demo/notebooks/"
RELAY = "etc/jupyter/jupyter_server_config.d/cognito_jupyter.json"


def committed(*folders: str) -> set[str]:
    """Returns the files in git, also those that are not committed yet but added."""
    listing = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listing.stdout.split("\0") if name}


def test_the_wheel_holds_the_package_the_notebooks_and_the_switch_of_the_relay(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {re.sub(r"^[^/]+\.(dist-info|data)/", r"\1/", name) for name in archive.namelist()}
    notebooks = {NOTEBOOKS + name.removeprefix("notebooks/") for name in committed("notebooks")}
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    rest = {f"data/data/{RELAY}", *(f"dist-info/{name}" for name in metadata)}
    assert {"cognito_jupyter/py.typed", f"{NOTEBOOKS}quickstart.ipynb"} <= names
    assert names == committed("cognito_jupyter") | notebooks | rest


def test_the_source_archive_holds_what_git_has(source_archive: Path) -> None:
    """So the tests can be run from it, and nothing of the developer's own folder is in it."""
    with tarfile.open(source_archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == committed() | {"PKG-INFO"}


def test_both_are_small(wheel: Path, source_archive: Path) -> None:
    assert wheel.stat().st_size < 1_000_000
    assert source_archive.stat().st_size < 5_000_000


def heading_ids(markdown: str) -> set[str]:
    """Returns the headings' names in links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", markdown, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_page_on_pypi_leads_to_a_file_of_the_release(source_archive: Path) -> None:
    """And to a heading of it, where the link names one."""
    with tarfile.open(source_archive) as archive:
        files = {
            member.name.partition("/")[2]: read.read()
            for member in archive.getmembers()
            if (read := archive.extractfile(member)) is not None
        }
    page = files["PKG-INFO"].decode().partition("\n\n")[2]
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", page) if link.startswith((FILES, PICTURES))]
    assert len(links) > 10
    lost = []
    for link in links:
        path, _, heading = link.removeprefix(FILES).removeprefix(PICTURES).partition("#")
        if path not in files or (heading and heading not in heading_ids(files[path].decode())):
            lost.append(link)
    assert not lost
