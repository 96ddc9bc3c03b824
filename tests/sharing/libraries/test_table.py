"""docs/sharing.md says what these tests prove, and with which versions."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from . import test_expiries
from .table import BEGIN, END, PAGE, table, versions
from .test_expiries import STEADY


def test_the_readmes_table_matches_the_tests() -> None:
    """`python -m tests.sharing.libraries.table` writes the page."""
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert written == table()


def test_every_proof_that_the_table_names_is_a_test() -> None:
    """The same test for each case but one, parametrized with exactly these names."""
    proofs = [line.split("|")[-2].strip().strip("`") for line in table().splitlines()[2:]]
    names = {proof.partition("[")[0] for proof in proofs}
    assert all(callable(getattr(test_expiries, name)) for name in names)
    assert {proof for proof in proofs if "[" in proof} == {f"test_a_library_reads_on[{name}]" for name in STEADY}
    assert len(proofs) == len(STEADY) + 1


@pytest.mark.long
@pytest.mark.parametrize("package", versions())
def test_the_versions_of_the_table_are_those_that_are_tested(package: str) -> None:
    assert version(package) == versions()[package]
