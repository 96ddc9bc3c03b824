"""Both templates, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hcl2
import pytest

from cognito_jupyter.local.template.intrinsics import load_template

DEPLOY = Path(__file__).parents[2] / "deploy"


def unquoted(value: Any) -> Any:
    """Returns what python-hcl2 parsed without its quotation marks around literals, its marks of blocks and comments."""
    if isinstance(value, dict):
        return {unquoted(name): unquoted(item) for name, item in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    if isinstance(value, str) and len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


@pytest.fixture(scope="session")
def cloudformation() -> dict[str, Any]:
    """The CloudFormation template."""
    return load_template(DEPLOY / "cognito-jupyter.yaml")


@pytest.fixture(scope="session")
def terraform() -> dict[str, dict[str, Any]]:
    """The Terraform module: its variables, outputs and locals by name, its resources by "TYPE.NAME"."""
    module: dict[str, dict[str, Any]] = {"variable": {}, "output": {}, "resource": {}, "locals": {}}
    for path in sorted((DEPLOY / "terraform").glob("*.tf")):
        parsed = unquoted(hcl2.loads(path.read_text(encoding="utf-8")))
        for kind in ("variable", "output", "locals"):
            for block in parsed.get(kind, []):
                module[kind] |= block
        for block in parsed.get("resource", []):
            for resource_type, named in block.items():
                module["resource"] |= {f"{resource_type}.{name}": body for name, body in named.items()}
    return module
