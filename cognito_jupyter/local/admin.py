"""The admin route: reads and sets the knobs and the counts over HTTP, for tests in another process or language."""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import asdict
from typing import Any, Literal, get_args, get_origin, get_type_hints

from flask import Blueprint, Response, jsonify, request

from .model import Fault, Knobs

TOKEN_HEADER = "X-Admin-Token"  # noqa: S105 - a header's name


def make_admin_blueprint(knobs: Knobs, counts: Counter[str], token: str) -> Blueprint:
    """Makes the routes /_admin/knobs, /_admin/faults/ENDPOINT and /_admin/counts; without the token they are not found.

    Args:
        knobs: What GET and PATCH of knobs and POST of faults read and change.
        counts: What GET of counts reads and DELETE clears.
        token: The token that each request must have in its X-Admin-Token header.
    """
    admin = Blueprint("admin", __name__, url_prefix="/_admin")

    @admin.before_request
    def _check_token() -> Response | None:
        given = request.headers.get(TOKEN_HEADER, "")
        return None if hmac.compare_digest(given.encode(), token.encode()) else Response("Not found", 404)

    @admin.get("/knobs")
    def _get_knobs() -> Response:
        return jsonify(asdict(knobs))

    @admin.patch("/knobs")
    def _patch_knobs() -> Response:
        for name, value in request.get_json().items():
            _set_knob(knobs, name, value)
        return _get_knobs()

    @admin.post("/faults/<endpoint>")
    def _add_fault(endpoint: str) -> Response:
        return jsonify(asdict(knobs.fail(endpoint, **request.get_json())))

    @admin.get("/counts")
    def _get_counts() -> Response:
        return jsonify(dict(counts))

    @admin.delete("/counts")
    def _reset_counts() -> Response:
        counts.clear()
        return jsonify({})

    @admin.errorhandler(ValueError)
    @admin.errorhandler(TypeError)
    def _bad_request(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": str(error)}), 400

    return admin


def _set_knob(knobs: Knobs, name: str, value: Any) -> None:
    if name not in asdict(knobs):
        raise ValueError(f"There is no knob {name}; there are {', '.join(asdict(knobs))}.")
    annotation = get_type_hints(Knobs)[name]
    if get_origin(annotation) is Literal and value not in get_args(annotation):
        raise ValueError(f"{name} is one of {', '.join(get_args(annotation))}.")
    if name == "faults":
        value = {endpoint: [Fault(**each) for each in faults] for endpoint, faults in value.items()}
    setattr(knobs, name, value)
