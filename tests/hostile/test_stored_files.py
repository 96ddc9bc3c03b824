"""A stored sign-in with one bit, byte, line or end that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from cognito_jupyter.credentials.store.files import UntrustedFileError
from cognito_jupyter.credentials.store.sign_in import parse
from cognito_jupyter.credentials.store.store import Store
from tests.credentials.store.sign_ins import KEY, make_sign_in

from .attempts import Attempts


def damaged_by_bits(content: bytes) -> list[bytes]:
    return [
        content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :]
        for position in range(len(content))
        for bit in range(8)
    ]


def damaged_by_bytes(content: bytes) -> list[bytes]:
    shorter = [content[:position] + content[position + 1 :] for position in range(len(content))]
    doubled = [content[:position] + content[position:][:1] + content[position:] for position in range(len(content))]
    return shorter + doubled


def damaged_at_the_end(content: bytes) -> list[bytes]:
    return [content[:length] for length in range(len(content))] + [content + bytes([each]) for each in range(256)]


def damaged_by_lines(content: bytes) -> list[bytes]:
    lines = content.splitlines(keepends=True)
    swapped = [
        b"".join([*lines[:one], lines[two], *lines[one + 1 : two], lines[one], *lines[two + 1 :]])
        for one in range(len(lines))
        for two in range(one + 1, len(lines))
        if lines[one] != lines[two]
    ]
    return swapped + [b"".join(lines[:number] + lines[number + 1 :]) for number in range(len(lines))]


@pytest.mark.parametrize("damage", [damaged_by_bits, damaged_by_bytes, damaged_at_the_end, damaged_by_lines])
def test_no_damaged_file_is_read(
    attempts: Attempts, filled_store: Store, damage: Callable[[bytes], list[bytes]]
) -> None:
    content = filled_store.path.read_bytes()
    for number, damaged in enumerate(damage(content)):
        attempts.refused(number, partial(parse, KEY, damaged), UntrustedFileError)
    assert parse(KEY, content) == make_sign_in()
