"""Recognizes secrets in a line of a log by their form: what they are called, and how they begin.

A secret outlives its holder: a client signs with a session token after its manager is gone, after a sign-out, and after
the next exchange. So most secrets are redacted by the name that stands before them, as in HTTP headers, forms, query
strings, JSON, XML and Python's reprs of all these; tokens, and passwords in URLs, by themselves.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (X-Amz-Security-Token); RFC 6749,
appendix A, RFC 7636 and RFC 7009 (fields of OAuth); RFC 7519 and RFC 7516 (tokens); RFC 3986, section 3.2.1 (passwords
in URLs).
"""

from __future__ import annotations

import re

_REDACTED = "..."
_NAMES = (
    r"x-amz-(?:s3session|security)-token"
    r"|(?:aws_)?(?:id|access|refresh|session|security)_?token(?:_hint)?"
    r"|(?<=[\"'])token(?=[\"'])"
    r"|(?:aws_)?secret_?(?:access_?)?key"
    r"|client_secret|code_verifier|(?:proxy-)?authorization"
)
_WORDS_OF_NAMES = ("token", "secret", "code_verifier", "authorization")
# Patterns are texts, which re compiles at their first use: most kernels never log anything that goes through here.
# Between a name and its value: in a header or JSON, a form, XML, or a tuple; each also inside a Python repr, and the
# first two also percent-encoded.
_SEPARATOR = r"""(?:\\?["']?\s*(?:[:=]|%3[AD])\s*|>|\\?["']\s*,\s*)(?:b?\\?["'])?"""
_VALUE = r"""[^\s"'&,;<>(){}\[\]\\]+"""
# AWS's signature is of use for one request only, and the rest of that header helps to debug.
_NAMED_VALUE = rf"(?i:((?:\b|(?<=\\[nrt]))(?:{_NAMES}){_SEPARATOR})(?!AWS4-)((?:(?:Basic|Bearer)\s+)?){_VALUE})"
# These names are too common to be redacted except in a query or a form.
_FORM_FIELD = r"""((?:[?&"']|^|%26)(?:code|state|token|nonce)(?:=|%3D))[^\s"'&<>\\]+"""
# Only where a word begins: from each "eyJ" in a long word the search would run to the word's end.
_TOKEN = r"(?:(?<![\w-])|(?<=%3D)|(?<=%22)|(?<=\\[nrt]))eyJ[\w-]{5,}\.[\w-]*\.[\w-]*(?:\.[\w-]*)*"  # noqa: S105 - a pattern
# How the session tokens of AWS STS begin, percent-encoded or not.
_SESSION_TOKEN = r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[\w+/=%-]+"  # noqa: S105 - a pattern
_PASSWORD_IN_URL = r"""(?i:(\b[a-z][a-z0-9+.-]{0,15}://)[^\s/?#"'<>]*@)"""  # noqa: S105 - a pattern


def redact_by_form(text: str) -> str:
    """Returns text in which each secret that its name or its form gives away is replaced by "...".

    Args:
        text: Any text, such as a line of a log.
    """
    lower = text.lower()
    # A search for a word is far quicker than one for a name, and a response's body may be long.
    if any(word in lower for word in _WORDS_OF_NAMES):
        text = re.sub(_NAMED_VALUE, rf"\1\2{_REDACTED}", text)
    text = re.sub(_FORM_FIELD, rf"\1{_REDACTED}", text)
    text = re.sub(_TOKEN, _REDACTED, text)
    text = re.sub(_SESSION_TOKEN, _REDACTED, text)
    return re.sub(_PASSWORD_IN_URL, rf"\1{_REDACTED}@", text) if "@" in text else text
