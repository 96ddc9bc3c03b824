"""The admin route: the knobs and the counts over HTTP, for tests in another process or language."""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import asdict, fields
from typing import Any

from flask import Blueprint, Response, jsonify, request

from .model import Fault, Knobs

TOKEN_HEADER = "X-Admin-Token"  # noqa: S105 - a header's name


def make_admin(knobs: Knobs, counts: Counter[str], token: str) -> Blueprint:
    """GET and PATCH /_admin/knobs, GET and DELETE /_admin/counts, POST /_admin/faults/ENDPOINT; all want the token."""
    admin = Blueprint("admin", __name__, url_prefix="/_admin")

    @admin.before_request
    def _check() -> Response | None:
        given = request.headers.get(TOKEN_HEADER, "")
        return None if hmac.compare_digest(given.encode(), token.encode()) else Response("Not found", 404)

    @admin.get("/knobs")
    def _knobs() -> Response:
        return jsonify(_public(knobs))

    @admin.patch("/knobs")
    def _turn() -> Response:
        turn(knobs, request.get_json())
        return _knobs()

    @admin.post("/faults/<endpoint>")
    def _fail(endpoint: str) -> Response:
        return jsonify(asdict(knobs.fail(endpoint, **request.get_json())))

    @admin.get("/counts")
    def _counts() -> Response:
        return jsonify(dict(counts))

    @admin.delete("/counts")
    def _reset() -> Response:
        counts.clear()
        return jsonify({})

    @admin.errorhandler(ValueError)
    @admin.errorhandler(TypeError)
    def _wrong(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error)}), 400

    return admin


def turn(knobs: Knobs, changes: dict[str, Any]) -> None:
    """Sets knobs by name.

    Raises:
        ValueError: There is no such knob.
    """
    for name, value in changes.items():
        if name not in _public(knobs):
            raise ValueError(f"There is no knob {name}; there are {', '.join(_public(knobs))}.")
        if name == "faults":
            knobs.faults = {endpoint: [Fault(**each) for each in faults] for endpoint, faults in value.items()}
        else:
            setattr(knobs, name, value)


def _public(knobs: Knobs) -> dict[str, Any]:
    names = [each.name for each in fields(knobs) if not each.name.startswith("_")]
    values = {name: getattr(knobs, name) for name in names}
    values["faults"] = {endpoint: [asdict(fault) for fault in faults] for endpoint, faults in knobs.faults.items()}
    return values
