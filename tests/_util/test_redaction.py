"""Secrets stay out of reprs."""

from __future__ import annotations

import json
import pprint

from IPython.lib.pretty import pretty

from cognito_jupyter._util.redaction import redacted


def test_redacted_dicts_show_only_their_keys() -> None:
    """Neither repr, str, format, pprint nor IPython's pretty printer shows a value."""
    tokens = redacted({"id_token": "s3cr3t", "expires_in": 3600})
    in_a_cell: str = pretty(tokens)  # type: ignore[no-untyped-call] # IPython ships no types for it
    for shown in (repr(tokens), str(tokens), f"{tokens}", pprint.pformat(tokens), in_a_cell, f"{[tokens]}"):
        assert "id_token" in shown
        assert "s3cr3t" not in shown
    assert tokens["id_token"] == "s3cr3t"
    assert json.loads(json.dumps(tokens)) == {"id_token": "s3cr3t", "expires_in": 3600}
