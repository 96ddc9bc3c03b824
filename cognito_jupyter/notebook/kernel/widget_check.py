"""Whether the front end has ipywidgets, found out with three small models before a panel's fifty are sent.

A front end without widgets, or with those of another version than the kernel's, closes each model's comm as soon as it
comes. For fifty of them JupyterLab needs up to a second, in which it shows neither a panel nor a link. One that has
widgets creates the models; the third one, a link, copies a value from the first to the second, which it reports.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .frontend import Frontend

_BASE, _CONTROLS = "@jupyter-widgets/base", "@jupyter-widgets/controls"
_VERSION = "2.0.0"
"""Of both modules, as ipywidgets 8 names them."""
_PROTOCOL_VERSION = "2.1.0"


class WidgetCheck:
    """Three models that no output shows.

    Attributes:
        found: Whether the front end has widgets; None: it has not replied.
    """

    def __init__(self) -> None:
        self.found: bool | None = None
        self._has_widgets = self._closed = False
        source, target = (_open(_BASE, "Layout", width=width) for width in ("1px", "0px"))
        ends = {
            "source": [f"IPY_MODEL_{source.comm_id}", "width"],
            "target": [f"IPY_MODEL_{target.comm_id}", "width"],
        }
        self._comms = (_open(_CONTROLS, "DirectionalLink", **ends), target, source)
        target.on_msg(lambda _: self._on_update())
        for each in self._comms:
            each.on_close(lambda _: self._on_reply(found=False))

    def close(self) -> None:
        """Removes the models from the front end.

        A busy one may reply to them later, so that the comms stay registered until then: for a message to an unknown
        one ipykernel prints a warning into the cell. Once the target has replied, nothing more comes.
        """
        self._closed = True
        for each in self._comms:
            each.close(deleting=not self._has_widgets)

    def _on_update(self) -> None:
        self._has_widgets = True
        self._on_reply(found=True)
        if self._closed:
            import comm

            for each in self._comms:
                comm.get_comm_manager().comms.pop(each.comm_id, None)

    def _on_reply(self, *, found: bool) -> None:
        if self.found is None:
            self.found = found


@contextmanager
def widget_check(frontend: Frontend) -> Iterator[WidgetCheck | None]:
    """Begins a check, for the length of the `with`.

    It is None where there is nothing to find out: in a kernel without ipywidgets, and in a front end that shows the
    link at once, or learns of a widget only when it draws it.

    Args:
        frontend: The front end of the kernel.
    """
    can_reply = frontend.is_notebook and not (frontend.creates_widgets_late or frontend.is_voila)
    if not can_reply or importlib.util.find_spec("ipywidgets") is None:
        yield None
        return
    check = WidgetCheck()
    try:
        yield check
    finally:
        check.close()


def _open(module: str, name: str, **values: object) -> Any:
    """Opens the comm of a model, as ipywidgets does; to import ipywidgets for it would take a tenth of a second."""
    import comm

    state = {
        "_model_module": module,
        "_model_module_version": _VERSION,
        "_model_name": f"{name}Model",
        "_view_module": module,
        "_view_module_version": _VERSION,
        "_view_name": f"{name}View" if module == _BASE else None,
        "_view_count": None,
        **values,
    }
    data = {"state": state, "buffer_paths": []}
    return comm.create_comm("jupyter.widget", data=data, metadata={"version": _PROTOCOL_VERSION})
