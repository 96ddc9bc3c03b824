"""A sign-in's file: any bytes, and nothing that shows a secret."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.credentials import store_lines
from cognito_jupyter.credentials.private_file import BadFileError
from cognito_jupyter.credentials.store import Store
from cognito_jupyter.credentials.store_format import decode, encode
from cognito_jupyter.errors import UnavailableError
from tests.credentials.stored import KEY, SECRETS, halved, of_another_sign_in, of_version_2, sign_in

# -- secrets


def test_nothing_shows_a_secret(kept: Store) -> None:
    with kept.locked() as locked:
        shown = [repr(each) for each in (KEY, kept, locked, kept.read(), vars(kept), vars(sign_in()))]
        shown += [f"{sign_in().credentials}", f"{sign_in().tokens}"]
    shown += [path.name for path in kept.path.parent.iterdir()]
    assert not [text for text in shown if any(secret in text for secret in SECRETS)]


@pytest.mark.parametrize("content", [halved, of_version_2, of_another_sign_in])
def test_no_error_carries_a_secret(kept: Store, content: Callable[[Path], None]) -> None:
    """Neither its text nor its attributes, nor those of the errors behind it."""
    content(kept.path)
    with pytest.raises(BadFileError) as caught:
        decode(KEY, kept.path.read_bytes())
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in f"{error!r} {vars(error)}" for secret in SECRETS)
        error = error.__context__
    bad = sign_in(f"{SECRETS[1]}\n")
    with pytest.raises(UnavailableError) as refused:
        kept.create(bad)
    assert not any(secret in "".join(traceback.format_exception(refused.value)) for secret in SECRETS)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy, copy.copy])
def test_neither_a_sign_in_nor_its_keys_leave_the_process(leave: Callable[[object], object]) -> None:
    for each in (sign_in(), sign_in().credentials[""]):
        with pytest.raises(TypeError, match="would leave this process"):
            leave(each)


# -- any bytes


def test_that_a_sign_in_has_ended_is_written_and_read() -> None:
    for sign_in_now in (sign_in(), replace(sign_in(), ended=True)):
        assert decode(KEY, encode(KEY, sign_in_now)) == sign_in_now


def spoilt(at: int, byte: int) -> bytes:
    content = bytearray(encode(KEY, sign_in()))
    content[at % len(content)] = byte
    return bytes(content)


def with_another_word(line: int, place: int, word: str) -> bytes:
    lines = encode(KEY, sign_in()).decode().split("\n")
    words = lines[line % len(lines)].split("\t")
    words[place % len(words)] = word
    lines[line % len(lines)] = "\t".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def without_a_line(line: int) -> bytes:
    lines = encode(KEY, sign_in()).split(b"\n")
    del lines[line % len(lines)]
    return b"\n".join(lines)


words = (
    st.text() | st.floats().map(str) | st.sampled_from(["", "nan", "inf", "1e999", "1_0", " 1", "\u0661", "\t", "a\nb"])
)
contents = (
    st.binary()
    | st.builds(spoilt, st.integers(0), st.integers(0, 255))
    | st.builds(with_another_word, st.integers(0), st.integers(0), words)
    | st.builds(without_a_line, st.integers(0))
    | st.binary().map(lambda body: f"{store_lines.HEAD}{store_lines.VERSION}\n".encode() + body + b"\nend\n")
    | st.sampled_from([b"\t" * 100_000, b"cognito_jupyter sign-in 1\n\nend\n", b"\xff\xfe{\x00}\x00"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(content=contents)
def test_any_content_is_either_a_sign_in_or_set_aside(kept: Store, content: bytes) -> None:
    kept.remove()
    kept.problem = None
    kept.path.write_bytes(content)
    kept.path.chmod(0o600)
    found = kept.read()
    if found is None:
        assert kept.problem is not None
        assert kept.path.with_name(f"{kept.path.name}.set-aside-1").read_bytes() == content
        assert len(kept.problem) < 400
    else:
        assert kept.problem is None
        assert decode(KEY, encode(KEY, found)) == found
