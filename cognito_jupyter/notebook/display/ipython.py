"""The few parts of IPython that carry no types, with types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core import display_functions, magic, magic_arguments as untyped

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..panel.widget import LoginPanel
    from .views import View

_Magic = TypeVar("_Magic", bound=Callable[..., None])


class DisplayHandle:
    """Something displayed, which can be replaced where it stands."""

    def __init__(self, view: View) -> None:
        self._handle: Any = display_functions.display(view, display_id=True)  # type: ignore[no-untyped-call]

    def update(self, view: View) -> None:
        """Puts another view in its place."""
        self._handle.update(view)


def display_view(view: View) -> DisplayHandle:
    """Displays a view in the cell that runs."""
    return DisplayHandle(view)


def display_panel(panel: LoginPanel) -> None:
    """Displays a panel in the cell that runs."""
    display_functions.display(panel)  # type: ignore[no-untyped-call]


def magic_with_arguments(name: str) -> Callable[[_Magic], _Magic]:
    """IPython's `magic_arguments`: to be the outermost decorator."""
    decorator: Callable[[_Magic], _Magic] = untyped.magic_arguments(name)  # type: ignore[no-untyped-call]
    return decorator


def line_magic(function: _Magic) -> _Magic:
    """IPython's `line_magic`."""
    return cast("_Magic", magic.line_magic(function))


def argument(*flags: str, **options: Any) -> Callable[[_Magic], _Magic]:
    """IPython's `argument`: the same as argparse's `add_argument`."""
    decorator: Callable[[_Magic], _Magic] = untyped.argument(*flags, **options)  # type: ignore[no-untyped-call]
    return decorator


def parse_magic_arguments(function: Callable[..., None], words: list[str]) -> dict[str, Any]:
    """What the arguments of a magic say.

    Raises:
        UsageError: They are wrong.
    """
    # The parser is an attribute that `magic_arguments` puts on the function.
    return dict(vars(vars(function)["parser"].parse_args(words)))


def set_hook(shell: InteractiveShell, name: str, hook: Callable[..., object], *, str_key: str) -> None:
    """IPython's `set_hook`."""
    shell.set_hook(name, hook, str_key=str_key)  # type: ignore[no-untyped-call]


def hook_chains(shell: InteractiveShell, name: str) -> dict[str, Any]:
    """From a key to the chain of what was hooked there by `set_hook`; to be changed in place."""
    dispatch = shell.strdispatchers.get(name)
    chains: dict[str, Any] = {} if dispatch is None else dispatch.strs
    return chains


def configurables(shell: InteractiveShell) -> list[Any]:
    """What `%config` knows, annotated too narrowly; to be changed in place."""
    known: list[Any] = shell.configurables
    return known
