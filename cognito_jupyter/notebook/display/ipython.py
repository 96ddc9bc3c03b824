"""The parts of IPython that have no types, with types. The notebook's modules call them."""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar, cast

from IPython.core import display_functions, magic, magic_arguments as untyped
from IPython.core.getipython import get_ipython

from ...errors import LoginError

_Magic = TypeVar("_Magic", bound=Callable[..., object])


def display_view(view: object) -> Any:
    """Displays a view in the cell that runs, and returns IPython's handle; its `update` shows another in its place."""
    return display_functions.display(view, display_id=True)  # type: ignore[no-untyped-call]


def magic_with_arguments(name: str) -> Callable[[_Magic], _Magic]:
    """Like IPython's `magic_arguments`, which must be the outermost decorator, with a help text that fits a screen.

    IPython's makes the parser at once, which takes half of the time that loading the extension takes without it;
    `argument_parser` makes it when it is needed.
    """

    def decorate(magic: _Magic) -> _Magic:
        description = inspect.cleandoc(magic.__doc__ or "")
        vars(magic)["argcmd_name"] = name
        magic.__doc__ = _help_text(name, description, vars(magic)["decorators"][::-1])
        return magic

    return decorate


def _help_text(name: str, description: str, arguments: list[Any]) -> str:
    """Returns what `%name?` shows: each argument takes one line, where argparse would take two or three.

    Args:
        name: The name of the magic.
        description: What it does.
        arguments: IPython's decorators of the arguments, in the order in which to show them.
    """
    rows = []
    usage = f"%{name}"
    for each in arguments:
        flags, options = ", ".join(each.args), each.kwds
        value = options.get("metavar") or each.args[-1].lstrip("-").replace("-", "_").upper()
        nargs = options.get("nargs")
        if not flags.startswith("-"):
            usage += f" [{value}{' ...' if nargs == '*' else ''}]" if nargs else f" {value}"
            flags = value
        elif options.get("action") != "store_true":
            flags += f" {value}"
        rows.append((flags, options["help"].replace("%%", "%")))
    width = max(len(row[0]) for row in rows)
    lines = "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)
    return f"{usage} [options]\n\n{description}\n\n{lines}\n"


def line_magic(function: _Magic) -> _Magic:
    """IPython's `line_magic`."""
    return cast("_Magic", magic.line_magic(function))


def argument(*flags: str, **options: Any) -> Callable[[_Magic], _Magic]:
    """IPython's `argument`, with the parameters of argparse's `add_argument`."""
    return cast("Callable[[_Magic], _Magic]", untyped.argument(*flags, **options))  # type: ignore[no-untyped-call]


def result_is_used(magic: FrameType | None) -> bool:
    """Returns whether a cell uses what a magic returns: `session = %cognito_login` does, a line of its own does not.

    IPython calls the magic from the cell's code in both cases. Python notes for each call where it stands in the
    source, and IPython stores the source of each cell for tracebacks.

    Args:
        magic: The frame of the magic.
    """
    caller = magic.f_back if magic is not None else None
    while caller is not None and caller.f_globals.get("__name__", "").startswith("IPython."):
        caller = caller.f_back
    if caller is None:
        return True
    position = next(itertools.islice(caller.f_code.co_positions(), caller.f_lasti // 2, None), None)
    try:
        tree = ast.parse("".join(linecache.getlines(caller.f_code.co_filename)))
    except SyntaxError:
        return True
    lines = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return position not in {(each.lineno, each.end_lineno, each.col_offset, each.end_col_offset) for each in lines}


def argument_parser(function: Callable[..., object]) -> Any:
    """Returns the parser of a magic, which is made at the first call."""
    attributes = vars(function)
    if "parser" not in attributes:
        parser = untyped.MagicArgumentParser(attributes["argcmd_name"])  # type: ignore[no-untyped-call]
        for each in reversed(attributes["decorators"]):
            each.add_to_parser(parser, None)
        attributes["parser"] = parser
    return attributes["parser"]


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
