"""A CloudFormation template: its parameters, its conditions, and the intrinsic functions that templates of Cognito use.

cfn-flip and moto were looked at: the first converts YAML without evaluating it, the second evaluates only what it
creates itself, and it knows no identity pool's roles or tags.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

GetAttribute = Callable[[str, str | None], str]
"""From a resource's logical id and an attribute to its value; without an attribute, to what Ref returns."""
_NO_VALUE = object()
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(ValueError):
    """A template, or a parameter for it, that cannot be used."""


class _Loader(yaml.SafeLoader):
    """Loads the short form of intrinsic functions, and leaves dates as text, as CloudFormation does."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the class that it replaces it of
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_function)


def load_template(path: str | Path) -> dict[str, Any]:
    """Loads a template in YAML or JSON.

    Raises:
        TemplateError: The file is not a template.
    """
    try:
        document = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is not YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a CloudFormation template: it has no Resources.")
    return document


class Template:
    """A template with its parameters.

    Args:
        document: The template, from `load_template`.
        parameters: The parameters' values; those that have a default may be absent.
        pseudo_parameters: The values of AWS::Region and the like.
        get_attribute: The values of resources.

    Raises:
        TemplateError: A parameter is missing, unknown, or not allowed.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, str],
        pseudo_parameters: Mapping[str, str],
        get_attribute: GetAttribute,
    ) -> None:
        self._document = document
        self._get_attribute = get_attribute
        declared = document.get("Parameters", {})
        unknown = sorted(set(parameters) - set(declared))
        if unknown:
            raise TemplateError(f"The template has no parameter {unknown[0]}; it has {', '.join(declared)}.")
        self._values: dict[str, Any] = dict(pseudo_parameters)
        for name, declaration in declared.items():
            self._values[name] = _parameter(name, declaration, parameters.get(name))
        self._values["AWS::NoValue"] = _NO_VALUE

    def is_true(self, condition: str) -> bool:
        """Returns whether a condition holds."""
        conditions = self._document.get("Conditions", {})
        if condition not in conditions:
            raise TemplateError(f"The template has no condition {condition}.")
        return bool(self.resolve(conditions[condition]))

    def resources(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Returns the resources that are created: their types and resolved properties, by logical id."""
        return {
            name: (resource["Type"], self.resolve(resource.get("Properties", {})))
            for name, resource in self._document["Resources"].items()
            if "Condition" not in resource or self.is_true(resource["Condition"])
        }

    def outputs(self) -> dict[str, str]:
        """Returns the outputs by name."""
        return {
            name: str(self.resolve(output["Value"]))
            for name, output in self._document.get("Outputs", {}).items()
            if "Condition" not in output or self.is_true(output["Condition"])
        }

    def resolve(self, value: Any) -> Any:
        """Returns a value of the template with its intrinsic functions evaluated.

        Raises:
            TemplateError: It has an unknown function or name.
        """
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Condition" and isinstance(argument, str):
                return self.is_true(argument)
            if name == "Ref":
                return self._reference(argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        resolved = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not _NO_VALUE}

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self._document["Resources"]:
            raise TemplateError(f"The template refers to {name}, which is neither a parameter nor a resource of it.")
        return self._get_attribute(name, None)

    def _call(self, function: str, argument: Any) -> Any:
        if function == "If":
            return self.resolve(argument[1] if self.is_true(argument[0]) else argument[2])
        if function == "GetAtt":
            return self._get_attribute(*argument)
        if function == "Sub":
            return self._substitute(argument)
        functions: dict[str, Callable[[Any], Any]] = {
            "Equals": lambda of: of[0] == of[1],
            "Not": lambda of: not of[0],
            "And": all,
            "Or": any,
            "Join": lambda of: of[0].join(map(str, of[1])),
            "Select": lambda of: of[1][int(of[0])],
            "Split": lambda of: of[1].split(of[0]),
            "FindInMap": lambda of: self._document["Mappings"][of[0]][of[1]][of[2]],
        }
        if function not in functions:
            known = ", ".join(["GetAtt", "If", "Ref", "Sub", *functions])
            raise TemplateError(f"The function {function} is not one that the local Cognito evaluates: {known}.")
        try:
            return functions[function](self.resolve(argument))
        except (LookupError, TypeError, ValueError, AttributeError):
            raise TemplateError(f"The template calls {function} with {argument!r}, which has no value.") from None

    def _substitute(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def value_of(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return str(variables[name])
            logical_id, _, attribute = name.partition(".")
            return str(self._get_attribute(logical_id, attribute) if attribute else self._reference(name))

        return _VARIABLE.sub(value_of, text)


def _parameter(name: str, declaration: Mapping[str, Any], value: str | None) -> Any:
    """Returns a parameter's value, checked as CloudFormation does."""
    if value is None:
        if "Default" not in declaration:
            raise TemplateError(f"The template needs a value for the parameter {name}.")
        value = declaration["Default"]
    text = str(value)
    allowed = [str(each) for each in declaration.get("AllowedValues", [])]
    if allowed and text not in allowed:
        raise TemplateError(f"The parameter {name} is {text!r}; it may be {', '.join(allowed)}.")
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and re.fullmatch(pattern, text) is None:
        raise TemplateError(f"The parameter {name} is {text!r}, which does not match {pattern}.")
    kind = declaration.get("Type", "String")
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")]
    return text
