"""An argument of a magic or a command that may be given by its option or without it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class StoreOnce(argparse.Action):
    """Stores the one value of a positional argument and of an option with the same `dest`.

    The positional one needs `nargs="?"` and `default=argparse.SUPPRESS`, so that it leaves the option's value alone
    where it is missing. Two different values are an error: argparse would silently take the second one.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's interface
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002 - argparse's interface
    ) -> None:
        """Stores a value.

        Args:
            parser: The parser.
            namespace: Where it is stored.
            values: The value.
            option_string: The option; None without one.

        Raises:
            ArgumentError: Another value was given before.
        """
        if getattr(namespace, self.dest, None) not in {None, values}:
            raise argparse.ArgumentError(self, "it was given twice, with two values")
        setattr(namespace, self.dest, values)
