"""Secrets are recognized by what stands before them, or by how they begin."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._util.logs.secret_forms import redact_by_form

SECRET = "FhKz/90+secret=="
TOKEN = "eyJraWQiOiJh.eyJzdWIiOiJi.c2ln-bmF0_dXJl"
NAMES = (
    *("X-Amz-Security-Token", "x-amz-s3session-token", "id_token", "access_token", "refresh_token", "SessionToken"),
    *("SecretKey", "SecretAccessKey", "aws_secret_access_key", "aws_session_token", "client_secret", "code_verifier"),
    "Authorization",
)
LINES = {
    "header": "{name}: {value}\r\nHost: s3.amazonaws.com",
    "canonical header": "host:s3.amazonaws.com\n{name}:{value}\n\nhost;x-amz-security-token\nUNSIGNED",
    "printed bytes": "send: b'GET / HTTP/1.1\\r\\n{name}: {value}\\r\\n\\r\\n'",
    "dict": "params: {{'{name}': '{value}', 'Host': 'a'}}",
    "dict of bytes": "headers={{'{name}': b'{value}', 'Host': b'a'}}",
    "JSON": '{{"{name}":"{value}","Expiration":1}}',
    "JSON in bytes": 'b\'{{"{name}": "{value}"}}\'',
    "escaped JSON": '"{{\\"{name}\\": \\"{value}\\"}}"',
    "tuple": "[('{name}', '{value}'), ('Host', 'a')]",
    "tuple of bytes": "[(b'{name}', b'{value}')]",
    "XML": "<{name}>{value}</{name}><Expiration>1</Expiration>",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", LINES)
def test_a_named_value_is_redacted_in_every_form_of_a_line(form: str, name: str) -> None:
    line = LINES[form].format(name=name, value=SECRET)
    shown = redact_by_form(line)
    assert shown == line.replace(SECRET, "...")


@pytest.mark.parametrize("name", [*NAMES, "code", "state", "token"])
def test_a_field_of_a_form_and_of_a_query_is_redacted(name: str) -> None:
    form = urlencode({"client_id": "app", name: SECRET, "grant_type": "x"})
    for line in (form, f"send: b'{form}'", f"https://host/?{form}", f"send: b'{urlencode({name: SECRET})}'"):
        assert redact_by_form(line) == line.replace(quote(SECRET, safe=""), "...")


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_the_credentials_of_an_authorization_header_are_redacted_and_its_scheme_stays(scheme: str) -> None:
    assert redact_by_form(f"Authorization: {scheme} {SECRET}\n") == f"Authorization: {scheme} ...\n"


@pytest.mark.parametrize("line", [f"a cell sent {TOKEN} to it", f"b'{TOKEN}.x.y'", f"Logins%3D{TOKEN}"])
def test_a_token_is_redacted_wherever_it_stands(line: str) -> None:
    assert "eyJ" not in redact_by_form(line)


@pytest.mark.parametrize("prefix", ["IQoJb3JpZ2lu", "FwoGZXIvYXdz"])
def test_a_session_token_of_aws_is_redacted_without_its_name(prefix: str) -> None:
    assert redact_by_form(f"signing with {prefix}X2VjEOP//w== now") == "signing with ... now"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("proxy http://joe:s3cret@proxy.example:3128/", "proxy http://...@proxy.example:3128/"),
        ("'https': 'https://joe:s3cret@host'", "'https': 'https://...@host'"),
        ("https://joe:p@ss@host/a", "https://...@host/a"),
        ("https://the-password@host:8443/a?b=c@d", "https://...@host:8443/a?b=c@d"),
        ("HTTPS_PROXY=http://joe:@proxy,http://joe:s3cret@two", "HTTPS_PROXY=http://...@proxy,http://...@two"),
    ],
)
def test_a_password_in_a_url_is_redacted(line: str, shown: str) -> None:
    assert redact_by_form(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "Calculating signature using v4 auth.",
        "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=abcd",
        "Authorization: AWS4-HMAC-SHA256 Credential=ASIA/20260101/s3, SignedHeaders=host, Signature=ab",
        "Response headers: {'Date': 'Thu, 01 Jan 2026', 'Content-Length': '12'}",
        'GET /bucket?list-type=2&continuation-token=abc HTTP/1.1" 200 None',
        "{'Code': 'AccessDenied', 'HTTPStatusCode': 403}",
        "http://127.0.0.1:8080/a:b@c",
        "https://issues.example/a?user=x@y",
    ],
)
def test_a_line_without_a_secret_stays_as_it_is(line: str) -> None:
    assert redact_by_form(line) == line


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_and_a_second_pass_changes_nothing(text: str) -> None:
    once = redact_by_form(text)
    assert redact_by_form(once) == once


@given(
    st.sampled_from(sorted(LINES)),
    st.sampled_from(NAMES),
    st.from_regex(r"[A-Za-z0-9+/]{20,400}={0,2}", fullmatch=True),
)
def test_no_value_of_a_named_secret_is_left_in_a_line(form: str, name: str, value: str) -> None:
    assert value not in redact_by_form(LINES[form].format(name=name, value=value))
