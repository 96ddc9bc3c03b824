"""Stored files that are damaged: a character, a line, a claim. Each is set aside, and locks nothing."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.credentials.store.files import UntrustedFileError
from cognito_jupyter.credentials.store.sign_in import parse, serialize
from cognito_jupyter.credentials.store.store import Store, key_of_file, list_store_keys, list_unusable_files
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import ID_TOKEN, KEY, make_sign_in


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


def with_claims(**claims: object) -> bytes:
    """The file of a sign-in with these claims, as a version without any check of them would have written it."""
    payload = base64.urlsafe_b64encode(json.dumps({"iss": "https://issuer", "sub": "user", **claims}).encode())
    return with_id_token(f"e30.{payload.decode().rstrip('=')}.c2ln")


def with_id_token(id_token: str) -> bytes:
    sign_in = make_sign_in()
    return serialize(KEY, replace(sign_in, tokens={**sign_in.tokens, "id_token": id_token}))


@pytest.mark.parametrize("character", [b"~", b"a", b"B", b"\t", b"\n", b"\xff"])
def test_one_wrong_character_anywhere_is_noticed(filled_store: Store, character: bytes) -> None:
    content = filled_store.path.read_bytes()
    for position in range(len(content)):
        damaged = content[:position] + character + content[position + 1 :]
        if damaged != content:
            with pytest.raises(UntrustedFileError):
                parse(KEY, damaged)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_missing_or_doubled_piece_is_noticed(filled_store: Store, data: st.DataObject) -> None:
    content = filled_store.path.read_bytes()
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start + 1, len(content)))
    for damaged in (content[:start] + content[end:], content[:end] + content[start:]):
        with pytest.raises(UntrustedFileError):
            parse(KEY, damaged)


@pytest.mark.parametrize(
    "content",
    [
        with_id_token("not-a-jwt"),
        with_id_token(ID_TOKEN.replace(".ey", ".!!", 1)),
        with_id_token("e30.W10.c2ln"),  # a list
        with_claims(iss=None),
        with_claims(iss=["https://issuer"]),
        with_claims(sub=""),
        with_claims(sub={"a": 1}),
        with_claims(auth_time=10**18),
        with_claims(auth_time=-1),
        with_claims(auth_time="yesterday"),
        with_claims(auth_time=True),
        with_claims(exp=float("nan")),
        with_claims(exp=float("inf")),
        with_claims(iat=None),
    ],
)
def test_an_id_token_that_nothing_could_read_is_set_aside_and_never_written(store: Store, content: bytes) -> None:
    write(store.path, content)
    assert store.read_sign_in() is None
    assert ".set-aside-1" in str(store.warning)
    records = [line.split("\t") for line in content.decode().splitlines()]
    id_token = next(record[1] for record in records if record[0] == "id_token")
    sign_in = make_sign_in()
    with pytest.raises(UnavailableError, match="not in a form that can be stored"):
        store.save_new(replace(sign_in, tokens={**sign_in.tokens, "id_token": id_token}))


def test_a_logout_deletes_what_was_set_aside_and_returns_the_refresh_tokens_in_it(filled_store: Store) -> None:
    content = filled_store.path.read_bytes()
    for number in range(3):
        filled_store.path.write_bytes(
            content.replace(ID_TOKEN.encode(), b"e30.e30.").replace(b"a-refresh-token", b"refresh-%d" % number)
        )
        assert filled_store.read_sign_in() is None
        filled_store.path.touch(mode=0o600)  # the next one is set aside beside it
    filled_store.path.write_bytes(content.replace(b"a-refresh-token", b"the-newest"))
    assert filled_store.delete() == ["the-newest", "refresh-0", "refresh-1", "refresh-2"]
    assert [path.name for path in filled_store.path.parent.iterdir()] == [f"{filled_store.path.name}.lock"]


def test_another_users_sign_in_stays_when_damaged_files_are_deleted(filled_store: Store) -> None:
    content = filled_store.path.read_bytes()
    filled_store.path.write_bytes(content[:-20])
    assert filled_store.read_sign_in() is None
    filled_store.save_new(make_sign_in())
    assert filled_store.unusable_files() == [filled_store.path.with_name(f"{filled_store.path.name}.set-aside-1")]
    assert filled_store.delete(lambda _: False) == ["a-refresh-token"]
    assert filled_store.unusable_files() == []
    assert filled_store.read_sign_in() == make_sign_in()


@pytest.mark.parametrize("field", ["domain", "client_id", "user_pool_id", "identity_pool_id", "endpoint"])
def test_no_token_is_read_from_a_file_that_names_another_server(filled_store: Store, field: str) -> None:
    """It would be sent there."""
    lines = filled_store.path.read_text().splitlines()
    lines = [f"{field}\thttps://evil.example.com" if line.startswith(f"{field}\t") else line for line in lines]
    filled_store.path.write_text("\n".join(lines))
    assert key_of_file(filled_store.path) is None
    assert filled_store.delete() == []
    assert not filled_store.path.exists()


def test_a_refresh_token_with_a_wrong_character_is_not_read(filled_store: Store) -> None:
    filled_store.path.write_bytes(filled_store.path.read_bytes().replace(b"a-refresh-token", b"a-refresh\xfftoken"))
    assert key_of_file(filled_store.path) == KEY
    assert filled_store.delete() == []


def test_one_damaged_file_hides_no_other(own_environment: Path) -> None:
    good, damaged, unreadable = Store(KEY), Store(replace(KEY, client_id="b")), Store(replace(KEY, client_id="c"))
    for store in (good, damaged, unreadable):
        store.save_new(make_sign_in())
    damaged.path.write_bytes(damaged.path.read_bytes().replace(ID_TOKEN.encode(), ID_TOKEN[:-1].encode()))
    unreadable.path.write_bytes(b"\0" * 4096)
    assert set(list_store_keys()) == {good.key, damaged.key}
    assert list_unusable_files() == sorted([damaged.path, unreadable.path])
    assert [store.read_sign_in() is not None for store in (good, damaged, unreadable)] == [True, False, False]
    assert list_store_keys() == [good.key]
    assert set(list_store_keys(with_set_aside=True)) == {good.key, damaged.key}
    assert len(list_unusable_files()) == 2
