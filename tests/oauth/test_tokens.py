"""Decoding of JWTs without verification."""

import base64
import json

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter import decode_jwt_payload


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text())))
def test_any_claims_are_decoded_unchanged(claims: dict[str, object]) -> None:
    assert decode_jwt_payload(f"e30.{encoded(json.dumps(claims).encode())}.sig") == claims


@given(st.text() | st.binary().map(lambda raw: f"a.{encoded(raw)}.b"))
def test_text_that_is_not_a_jwt_is_a_value_error_that_does_not_show_it(text: str) -> None:
    try:
        decoded = decode_jwt_payload(text)
    except ValueError as error:
        assert error.__cause__ is None
        assert str(error).startswith("This is not a JWT")
    else:
        assert isinstance(decoded, dict)


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c.d", "..", "a..c", "a.!!.c", f"a.{encoded(b'[1]')}.c", f"a.{encoded(b'{')}.c"]
)
def test_a_malformed_jwt_is_a_value_error(text: str) -> None:
    """The number of parts, the alphabet or the JSON is wrong, or it is not an object."""
    with pytest.raises(ValueError, match="not a JWT"):
        decode_jwt_payload(text)
