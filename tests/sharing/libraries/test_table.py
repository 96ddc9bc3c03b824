"""docs/sharing.md says what these tests prove, and with which versions."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from . import test_expiries
from .table import BEGIN, END, PAGE, ROOT, elsewhere, table, versions
from .test_expiries import STEADY, TOOLS


def test_the_readmes_table_matches_the_tests() -> None:
    """`python -m tests.sharing.libraries.table` writes the page."""
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert written == table()


def test_every_proof_that_the_table_names_is_a_test() -> None:
    """The same tests for each case but one, parametrized with exactly these names, and those of other folders."""
    proofs = re.findall(r"\| `(test_[^|]*)` \|$", table(), re.MULTILINE)
    others = {line.proof for line in elsewhere() if line.proof.startswith("test_")}
    here = [proof for proof in proofs if proof not in others]
    names = {proof.partition("[")[0] for proof in here}
    assert all(callable(getattr(test_expiries, name)) for name in names)
    steady = {f"test_a_library_reads_on[{name}]" for name in STEADY}
    tools = {f"test_a_tool_reads_on[{name}]" for name in TOOLS}
    assert {proof for proof in here if "[" in proof} == steady | tools
    assert len(here) == len(steady | tools) + 1
    modules = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT, "tests").rglob("test_*.py"))
    assert {name for name in others if f"\ndef {name.partition('[')[0]}(" not in modules} == set()


def test_a_line_without_a_test_says_when_it_was_measured() -> None:
    by_hand = [line.proof for line in elsewhere() if not line.proof.startswith("test_")]
    assert all(re.fullmatch(r"by hand, on \d{4}-\d\d-\d\d", proof) for proof in by_hand)


@pytest.mark.long
@pytest.mark.parametrize("package", versions())
def test_the_versions_of_the_table_are_those_that_are_tested(package: str) -> None:
    assert version(package) == versions()[package]
