"""Who may open a folder on Windows: icacls and whoami are played by programs that print what Windows prints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._util.folders.windows_access import (
    is_on_network,
    others_in_sddl,
    others_with_access,
    restrict_to_user,
)
from cognito_jupyter.credentials.store import files
from cognito_jupyter.errors import UnavailableError
from tests.support.systems import needs_scripts

OWN_SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
PRIVATE = f"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{OWN_SID})"
"""What a user's profile folder has."""
SHARED = f"{PRIVATE}(A;OICI;0x1200a9;;;BU)(A;;FA;;;WD)"
WHOAMI = f"""#!{sys.executable}
print('"desktop\\\\Ann, \\u00e4lteste","{OWN_SID}"')
"""
ICACLS = f"""#!{sys.executable}
import pathlib, sys
folder, *words = sys.argv[1:]
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(" ".join(words) + "\\n")
if words[0] == "/save":
    sddl = (here / "sddl").read_text()
    pathlib.Path(words[1]).write_bytes(f"{{pathlib.Path(folder).name}}\\r\\n{{sddl}}\\r\\n".encode("utf-16-le"))
"""


class FakeWindows:
    """The programs of a Windows that has one folder.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "System32"
        self._folder.mkdir()
        for name, source in (("whoami.exe", WHOAMI), ("icacls.exe", ICACLS)):
            program = self._folder / name
            program.write_text(source, encoding="utf-8")
            program.chmod(0o700)

    def set_access(self, sddl: str) -> None:
        (self._folder / "sddl").write_text(sddl, encoding="ascii")

    @property
    def calls(self) -> list[str]:
        path = self._folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    (tmp_path / "Windows").mkdir()
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path / "Windows"))
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    monkeypatch.setattr(sys, "platform", "win32")
    return FakeWindows(tmp_path / "Windows")


@needs_scripts
def test_a_new_folder_is_opened_to_its_user_alone(windows: FakeWindows, tmp_path: Path) -> None:
    files.ensure_directory(tmp_path / "ours" / "sign-ins")
    grants = f"*{OWN_SID}:(OI)(CI)F *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"
    assert windows.calls == [f"/inheritance:r /grant:r {grants}"]
    files.ensure_directory(tmp_path / "ours" / "sign-ins")
    assert len(windows.calls) == 1


@needs_scripts
def test_a_folder_that_others_can_open_is_refused(windows: FakeWindows, tmp_path: Path) -> None:
    windows.set_access(PRIVATE)
    files.require_private_directory(tmp_path)
    windows.set_access(SHARED)
    assert others_with_access(tmp_path) == ["BU", "WD"]
    with pytest.raises(UnavailableError, match=r"is open to others than you \(BU, WD\), so no sign-in is stored there"):
        files.require_private_directory(tmp_path)


def test_without_icacls_the_profile_folder_counts_as_private(windows: FakeWindows, tmp_path: Path) -> None:
    windows.remove("icacls.exe")
    with pytest.raises(OSError, match="icacls"):
        restrict_to_user(tmp_path)
    files.ensure_directory(tmp_path / "sign-ins")
    files.require_private_directory(tmp_path / "sign-ins")


@pytest.mark.usefixtures("windows")
def test_a_folder_of_the_network_is_refused() -> None:
    assert is_on_network(Path(r"\\server\homes\ann"))
    assert not is_on_network(Path(r"C:\Users\ann"))
    assert not is_on_network(Path(r"\\?\C:\Users\ann"))
    with pytest.raises(UnavailableError, match="is a folder of the network, so no sign-in is stored there"):
        files.require_private_directory(Path(r"\\server\homes\ann"))


@pytest.mark.parametrize(
    ("sddl", "others"),
    [
        (PRIVATE, []),
        (f"O:{OWN_SID}G:S-1-5-21-1-2-3-513{PRIVATE}S:AI(AU;SAFA;FA;;;WD)", []),
        ("D:PAI(A;OICI;FA;;;LA)(A;OICIIO;FA;;;CO)", []),
        (SHARED, ["BU", "WD"]),
        ("D:PAI(D;;FA;;;WD)(A;;FA;;;SY)", []),
        ('D:(XA;;FR;;;AU;(Member_of {SID(BA)} && @User.Title == "PM"))', ["AU"]),
        ("D:(OA;;RP;bf967a86-0de6-11d0-a285-00aa003049e2;;AN)", ["AN"]),
        ("D:NO_ACCESS_CONTROL", ["WD"]),
        ("O:SY", ["WD"]),
        ("", ["WD"]),
        ("D:", []),
        (
            "D:(A;;FA;;;S-1-5-21-1004336348-1177238915-682003330-1002)",
            ["S-1-5-21-1004336348-1177238915-682003330-1002"],
        ),
    ],
)
def test_a_list_says_for_whom_a_folder_is_open(sddl: str, others: list[str]) -> None:
    assert others_in_sddl(sddl, OWN_SID) == others


_TRUSTEES = st.sampled_from(["SY", "BA", OWN_SID, "WD", "BU", "AU", "S-1-1-0", "S-1-5-11"])


@given(st.lists(st.tuples(st.sampled_from(["A", "D"]), _TRUSTEES)))
def test_everyone_whom_an_entry_allows_something_is_found(entries: list[tuple[str, str]]) -> None:
    sddl = "D:PAI" + "".join(f"({kind};OICI;FA;;;{trustee})" for kind, trustee in entries)
    found = {trustee for kind, trustee in entries if kind == "A"} - {"SY", "BA", OWN_SID}
    assert set(others_in_sddl(sddl, OWN_SID)) == found


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(others_in_sddl(text, OWN_SID), list)
