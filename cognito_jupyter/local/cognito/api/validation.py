"""Checks the parameters of an operation against botocore's model of it, as AWS's front end does.

botocore's own `ParamValidator` was looked at: it checks neither enumerations nor patterns, and clients in Python have
run it before.

The texts are those of public reports: aws-amplify/amplify-js#10833, awsdocs/aws-cloudformation-user-guide#563. A value
that the model marks as sensitive is left out of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import ApiError, invalid_parameter

if TYPE_CHECKING:
    from botocore.model import Shape

_TYPES: dict[str, type] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
}


def check_parameters(shape: Shape, parameters: object) -> None:
    """Checks the parameters of an operation.

    Args:
        shape: The shape of the operation's input.
        parameters: What the client sent.

    Raises:
        ApiError: A parameter has the wrong type, or breaks a constraint.
    """
    problems = list(_explain_broken(shape, parameters, ""))
    if problems:
        plural = "s" if problems[1:] else ""
        raise invalid_parameter(f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}")


def _explain_broken(shape: Any, value: Any, path: str) -> Iterator[str]:
    _require_type(shape, value)
    yield from (_describe(shape, value, path, constraint) for constraint in _broken_constraints(shape, value))
    if shape.type_name == "structure":
        yield from _explain_members(shape, value, path)
    elif shape.type_name in {"list", "map"}:
        member, items = (shape.member, value) if shape.type_name == "list" else (shape.value, value.values())
        yield from _explain_items(shape, member, list(items), path)


def _explain_items(shape: Any, member: Any, items: list[Any], path: str) -> Iterator[str]:
    if member.type_name == "structure":
        for number, item in enumerate(items, 1):
            yield from _explain_broken(member, item, f"{path}.{number}.member")
        return
    broken = []
    for item in items:
        _require_type(member, item)
        broken += [each for each in _broken_constraints(member, item) if each not in broken]
    if broken:
        shown = f"[{', '.join(map(str, items))}]"
        sensitive = shape if shape.metadata.get("sensitive") else member
        yield _describe(sensitive, shown, path, f"Member must satisfy constraint: [{', '.join(broken)}]")


def _require_type(shape: Any, value: object) -> None:
    expected = _TYPES.get(shape.type_name, object)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ApiError("SerializationException", "")


def _explain_members(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _explain_broken(member, value[name], _join(path, name))


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    size = value if isinstance(value, int) else len(value) if isinstance(value, str | list | dict) else 0
    word = "value" if isinstance(value, int) else "length"
    least, most, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    if isinstance(value, bool) or shape.type_name == "structure":
        return
    if least is not None and size < least:
        yield f"Member must have {word} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have {word} less than or equal to {most}"
    # Patterns with Unicode categories are Java's; they refuse nothing but control characters.
    if pattern and "\\p{" not in pattern and isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
        yield f"Member must satisfy regular expression pattern: {pattern}"


def _describe(shape: Shape, value: object, path: str, constraint: str) -> str:
    shown = "" if shape.metadata.get("sensitive") else f" '{value}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    first = f"{name[0].lower()}{name[1:]}"
    return f"{path}.{first}" if path else first
