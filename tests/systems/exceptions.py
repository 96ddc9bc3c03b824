"""The tests that make sense on a system, and that the simulation of it cannot run: each with its reason."""

from __future__ import annotations

_CP1252 = "the file is text in Windows' encoding, and counts there"
_PROFILE = "tests/sharing/profile/test_profile.py::test_"
_OPEN_LOCK = "the test itself removes a folder with an open file, which Windows refuses"

EXCEPTIONS: dict[str, dict[str, str]] = {
    "windows": {
        f"{_PROFILE}an_invalid_file_is_refused_and_not_quoted*profile a*b*xff*": _CP1252,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[everything]": _OPEN_LOCK,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[a later login]": _OPEN_LOCK,
    },
    "macos": {},
}
"""For each system the ids of tests, in which * stands for anything, and why they fail there."""
