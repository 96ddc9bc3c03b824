"""The conda recipe, read by rattler-build, says what pyproject.toml says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
VERSION = re.findall(
    'VERSION = "(.+)"', (ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
)[0]
OF_EXTRAS = {"pyjwt[crypto]": "cryptography>=3.4.0"}
"""conda has no extras: what one stands for is a requirement of its own, with the bound that PyJWT sets."""


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """The recipe as rattler-build renders it; it refuses fields that it does not know."""
    from rattler_build import Stage0Recipe, VariantConfig

    (variant,) = Stage0Recipe.from_file(ROOT / "recipe" / "recipe.yaml").render(VariantConfig())
    rendered: dict[str, Any] = variant.recipe.to_dict()
    return rendered


def conda_requirements(requirements: list[str]) -> set[tuple[str, frozenset[str]]]:
    """Returns each requirement's name on conda-forge, and its bounds."""
    found = set[tuple[str, frozenset[str]]]()
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        found.add((name, frozenset(str(requirement.specifier).split(","))))
        found |= conda_requirements([OF_EXTRAS[f"{name}[{extra}]"] for extra in requirement.extras])
    return found


def bounds(match_specs: list[str]) -> set[tuple[str, frozenset[str]]]:
    """Returns the names and bounds of conda's requirements."""
    pairs = (spec.partition(" ") for spec in match_specs)
    return {(name, frozenset(filter(None, bound.split(",")))) for name, _, bound in pairs}


def test_the_recipe_requires_what_the_package_requires(recipe: dict[str, Any]) -> None:
    python = ("python", frozenset([PROJECT["requires-python"]]))
    assert bounds(recipe["requirements"]["run"]) == conda_requirements(PROJECT["dependencies"]) | {python}


def test_the_recipe_builds_with_what_the_package_builds_with(recipe: dict[str, Any]) -> None:
    python = ("python", frozenset([PROJECT["requires-python"]]))
    built_with = conda_requirements(PYPROJECT["build-system"]["requires"])
    assert bounds(recipe["requirements"]["host"]) == built_with | {python, ("pip", frozenset())}


def test_the_recipe_has_the_packages_name_version_and_command(recipe: dict[str, Any]) -> None:
    assert recipe["package"] == {"name": PROJECT["name"], "version": VERSION}
    commands = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert recipe["build"]["noarch"] == "python"
    assert recipe["build"]["python"]["entry_points"] == commands


def test_the_recipe_describes_the_package_as_pypi_does(recipe: dict[str, Any]) -> None:
    about, urls = recipe["about"], PROJECT["urls"]
    assert about["summary"] == PROJECT["description"]
    assert (about["license"], about["license_file"]) == (PROJECT["license"], PROJECT["license-files"])
    assert (about["repository"], about["documentation"]) == (urls["Source"], urls["Documentation"])


def test_the_changelog_tells_of_the_version() -> None:
    assert f"\n## {VERSION} - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
