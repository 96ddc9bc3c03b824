"""The tests that make sense on a system, and that the simulation of it cannot run: each with its reason."""

from __future__ import annotations

_NO_SHORT_NAME = "the test's sign-in is in a folder with a space, and the simulated disk has no short names"
_CP1252 = "the file is text in Windows' encoding, and counts there"
_PROGRAMS = "the programs that stand for icacls and whoami have no mode there, so Linux does not run them"
_PROFILE = "tests/sharing/profile/test_profile.py::test_"
_ACCESS = "tests/_util/folders/test_windows_access.py::test_a_"
_OPEN_LOCK = "the test itself removes a folder with an open file, which Windows refuses"
_NO_PROGRAMS = "the test's program is no executable file where modes mean nothing"

EXCEPTIONS: dict[str, dict[str, str]] = {
    "windows": {
        f"{_PROFILE}the_profile_names_the_sign_in_and_the_role": _NO_SHORT_NAME,
        f"{_PROFILE}many_at_once_are_all_written": _NO_SHORT_NAME,
        f"{_PROFILE}a_profile_that_the_credentials_file_has_already_is_refused*": _NO_SHORT_NAME,
        f"{_PROFILE}a_profile_of_a_credentials_file_that_a_share_hides_is_refused": _NO_SHORT_NAME,
        f"{_PROFILE}a_program_uses_the_profile_past_an_expiry_and_until_the_logout": _NO_SHORT_NAME,
        f"{_PROFILE}an_invalid_file_is_refused_and_not_quoted*profile a*b*xff*": _CP1252,
        f"{_ACCESS}new_folder_is_opened_to_its_user_alone": _PROGRAMS,
        f"{_ACCESS}folder_that_others_can_open_is_refused": _PROGRAMS,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[everything]": _OPEN_LOCK,
        "tests/credentials/store/test_store.py::test_a_deleted_file_is_not_written_back[a later login]": _OPEN_LOCK,
        "tests/oauth/test_browser.py::test_on_windows_a_helper_in_a_folder_with_a_space_is_found": _NO_PROGRAMS,
    },
    "macos": {},
}
"""For each system the ids of tests, in which * stands for anything, and why they fail there."""
