"""The text of a sign-in's file: any content is handled, and no secret shows."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.credentials.store.files import UntrustedFileError
from cognito_jupyter.credentials.store.format import HEADER, VERSION
from cognito_jupyter.credentials.store.sign_in import parse, serialize
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import (
    KEY,
    SECRETS,
    change_version,
    make_sign_in,
    replace_by_other_sign_in,
    truncate,
)

# -- secrets


def test_nothing_shows_a_secret(filled_store: Store) -> None:
    with filled_store.transaction() as transaction:
        shown = [
            repr(each)
            for each in (
                KEY,
                filled_store,
                transaction,
                filled_store.read_sign_in(),
                vars(filled_store),
                vars(make_sign_in()),
            )
        ]
        shown += [f"{make_sign_in().credentials}", f"{make_sign_in().tokens}"]
    shown += [path.name for path in filled_store.path.parent.iterdir()]
    assert not [text for text in shown if any(secret in text for secret in SECRETS)]


@pytest.mark.parametrize("content", [truncate, change_version, replace_by_other_sign_in])
def test_no_error_carries_a_secret(filled_store: Store, content: Callable[[Path], None]) -> None:
    """Neither in its text nor in its attributes, nor in those of its causes."""
    content(filled_store.path)
    with pytest.raises(UntrustedFileError) as caught:
        parse(KEY, filled_store.path.read_bytes())
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in f"{error!r} {vars(error)}" for secret in SECRETS)
        error = error.__context__
    bad = make_sign_in(f"{SECRETS[1]}\n")
    with pytest.raises(UnavailableError) as refused:
        filled_store.save_new(bad)
    assert not any(secret in "".join(traceback.format_exception(refused.value)) for secret in SECRETS)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_sign_in_and_its_credentials_refuse_to_be_pickled_or_copied(leave: Callable[[object], object]) -> None:
    for each in (make_sign_in(), make_sign_in().credentials[""]):
        with pytest.raises(TypeError, match="would leave this process"):
            leave(each)


# -- any bytes


def test_the_end_of_a_sign_in_is_written_and_read_back() -> None:
    for sign_in_now in (make_sign_in(), replace(make_sign_in(), ended=True)):
        assert parse(KEY, serialize(KEY, sign_in_now)) == sign_in_now


def change_byte(at: int, byte: int) -> bytes:
    content = bytearray(serialize(KEY, make_sign_in()))
    content[at % len(content)] = byte
    return bytes(content)


def change_field(line: int, place: int, word: str) -> bytes:
    lines = serialize(KEY, make_sign_in()).decode().split("\n")
    words = lines[line % len(lines)].split("\t")
    words[place % len(words)] = word
    lines[line % len(lines)] = "\t".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def delete_line(line: int) -> bytes:
    lines = serialize(KEY, make_sign_in()).split(b"\n")
    del lines[line % len(lines)]
    return b"\n".join(lines)


words = (
    st.text() | st.floats().map(str) | st.sampled_from(["", "nan", "inf", "1e999", "1_0", " 1", "\u0661", "\t", "a\nb"])
)
contents = (
    st.binary()
    | st.builds(change_byte, st.integers(0), st.integers(0, 255))
    | st.builds(change_field, st.integers(0), st.integers(0), words)
    | st.builds(delete_line, st.integers(0))
    | st.binary().map(lambda body: f"{HEADER}{VERSION}\n".encode() + body + b"\nend\n")
    | st.sampled_from([b"\t" * 100_000, b"cognito_jupyter sign-in 1\n\nend\n", b"\xff\xfe{\x00}\x00"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(content=contents)
def test_any_content_is_either_a_sign_in_or_quarantined(filled_store: Store, content: bytes) -> None:
    filled_store.delete()
    filled_store.warning = None
    filled_store.path.write_bytes(content)
    filled_store.path.chmod(0o600)
    found = filled_store.read_sign_in()
    if found is None:
        assert filled_store.warning is not None
        assert filled_store.path.with_name(f"{filled_store.path.name}.set-aside-1").read_bytes() == content
        assert len(str(filled_store.warning)) < 400
    else:
        assert filled_store.warning is None
        assert parse(KEY, serialize(KEY, found)) == found
