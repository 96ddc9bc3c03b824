"""The parts of IPython that have no types, with types. The notebook's modules call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core import display_functions, magic, magic_arguments as untyped
from IPython.core.getipython import get_ipython

from ...errors import LoginError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_Magic = TypeVar("_Magic", bound=Callable[..., None])


class DisplayHandle:
    """A displayed view, which can be replaced in place.

    Args:
        view: What to display.
    """

    def __init__(self, view: object) -> None:
        self._handle: Any = display_functions.display(view, display_id=True)  # type: ignore[no-untyped-call]

    def update(self, view: object) -> None:
        """Displays another view in its place."""
        self._handle.update(view)


def display_view(view: object) -> DisplayHandle:
    """Displays a view in the cell that runs."""
    return DisplayHandle(view)


def display_panel(panel: object) -> None:
    """Displays a panel in the cell that runs."""
    display_functions.display(panel)  # type: ignore[no-untyped-call]


def magic_with_arguments(name: str) -> Callable[[_Magic], _Magic]:
    """IPython's `magic_arguments`, which must be the outermost decorator."""
    decorator: Callable[[_Magic], _Magic] = untyped.magic_arguments(name)  # type: ignore[no-untyped-call]
    return decorator


def line_magic(function: _Magic) -> _Magic:
    """IPython's `line_magic`."""
    return cast("_Magic", magic.line_magic(function))


def argument(*flags: str, **options: Any) -> Callable[[_Magic], _Magic]:
    """IPython's `argument`, with the parameters of argparse's `add_argument`."""
    decorator: Callable[[_Magic], _Magic] = untyped.argument(*flags, **options)  # type: ignore[no-untyped-call]
    return decorator


def parse_magic_arguments(function: Callable[..., None], words: list[str]) -> dict[str, Any]:
    """Parses the arguments of a magic.

    Args:
        function: The magic.
        words: Its line, split.

    Raises:
        UsageError: They are malformed.
    """
    # The parser is an attribute that `magic_arguments` sets on the function.
    return dict(vars(vars(function)["parser"].parse_args(words)))


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


def magic_options(function: Callable[..., None]) -> list[str]:
    """Returns the long options of a magic, such as "--role-suffix"."""
    actions = vars(function)["parser"]._actions  # noqa: SLF001 - argparse has no public list of a parser's options
    return [option for action in actions for option in action.option_strings if option.startswith("--")]


def set_hook(shell: InteractiveShell, name: str, hook: Callable[..., object], *, str_key: str) -> None:
    """IPython's `set_hook`.

    Args:
        shell: The shell.
        name: The kind of hook, such as "complete_command".
        hook: What to call.
        str_key: The key under which it is called.
    """
    shell.set_hook(name, hook, str_key=str_key)  # type: ignore[no-untyped-call]


def hook_chains(shell: InteractiveShell, name: str) -> dict[str, Any]:
    """Returns the chains of hooks that `set_hook` has made, by key; to be changed in place.

    Args:
        shell: The shell.
        name: The kind of hook.
    """
    dispatch = shell.strdispatchers.get(name)
    chains: dict[str, Any] = {} if dispatch is None else dispatch.strs
    return chains


def configurables(shell: InteractiveShell) -> list[Any]:
    """Returns what `%config` knows, which IPython annotates too narrowly; to be changed in place."""
    known: list[Any] = shell.configurables
    return known
