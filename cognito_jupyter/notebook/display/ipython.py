"""The parts of IPython that have no types, with types. The notebook's modules call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from IPython.core import display_functions, magic, magic_arguments as untyped
from IPython.core.getipython import get_ipython

from ...errors import LoginError

_Magic = TypeVar("_Magic", bound=Callable[..., None])


def display_view(view: object) -> Any:
    """Displays a view in the cell that runs, and returns IPython's handle; its `update` shows another in its place."""
    return display_functions.display(view, display_id=True)  # type: ignore[no-untyped-call]


def magic_with_arguments(name: str) -> Callable[[_Magic], _Magic]:
    """IPython's `magic_arguments`, which must be the outermost decorator."""
    return cast("Callable[[_Magic], _Magic]", untyped.magic_arguments(name))  # type: ignore[no-untyped-call]


def line_magic(function: _Magic) -> _Magic:
    """IPython's `line_magic`."""
    return cast("_Magic", magic.line_magic(function))


def argument(*flags: str, **options: Any) -> Callable[[_Magic], _Magic]:
    """IPython's `argument`, with the parameters of argparse's `add_argument`."""
    return cast("Callable[[_Magic], _Magic]", untyped.argument(*flags, **options))  # type: ignore[no-untyped-call]


def argument_parser(function: Callable[..., None]) -> Any:
    """Returns the parser of a magic, which `magic_arguments` stores as an attribute of the function."""
    return vars(function)["parser"]


def require_magics(feature: str) -> Any:
    """Returns the `CognitoMagics` of the shell that runs this, and loads the extension if it is not loaded.

    It goes by IPython's registry, so that what the magics use can call it without importing them.

    Args:
        feature: What needs it, for the error.

    Raises:
        LoginError: There is no shell.
    """
    shell = get_ipython()
    if shell is None:
        raise LoginError(
            f"{feature} needs a notebook, and this program is not one.",
            "Use it in a Jupyter front end; a program signs in by get_authenticated_cognito_manager.",
        )
    extensions: Any = shell.extension_manager
    extensions.load_extension("cognito_jupyter")
    return shell.magics_manager.registry["CognitoMagics"]
