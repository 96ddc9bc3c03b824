"""Makes text from outside safe to show; see `cognito_jupyter._printable`, which `errors` needs too."""

from __future__ import annotations

from .._printable import holds_secret, one_line, printable

__all__ = ["holds_secret", "one_line", "printable"]
