"""The tests that make sense on a system, and that the simulation of it cannot run: each with its reason."""

from __future__ import annotations

_CP1252 = "the file is text in Windows' encoding, and counts there"
_NO_SHUTDOWN = "a listening socket that a forked process holds cannot be shut down there"
_SHIM_IN_COMMAND = "the command of an isolated Python has the simulation's own words"
_ENDPOINT = "tests/sharing/endpoint/test_process.py::test_"
_PROFILE = "tests/sharing/profile/test_profile.py::test_"
_OPEN_LOCK = "the test itself removes a folder with an open file, which Windows refuses"

EXCEPTIONS: dict[str, dict[str, str]] = {
    "windows": {
        f"{_PROFILE}an_invalid_file_is_refused_and_not_quoted*profile a*b*xff*": _CP1252,
        f"{_ENDPOINT}its_token_is_in_no_argument_and_no_repr": _SHIM_IN_COMMAND,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[everything]": _OPEN_LOCK,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[a later login]": _OPEN_LOCK,
    },
    "macos": {
        f"{_ENDPOINT}clients_are_refused_once_it_is_closed_even_if_a_forked_process_holds_its_socket": _NO_SHUTDOWN
    },
}
"""For each system the ids of tests, in which * stands for anything, and why they fail there."""
