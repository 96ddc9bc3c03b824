"""The front ends and the kernels of the matrix, each in an environment of its own, with exact versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .environments import Environment

_LAB, _LAB_WIDGETS, _ANYWIDGET = "jupyterlab==4.6.6", "jupyterlab_widgets==3.0.17", "anywidget==0.11.0"
_WIDGETS = ("ipywidgets==8.1.9", _LAB_WIDGETS)


@dataclass(frozen=True)
class FrontEnd:
    """A front end.

    Attributes:
        title: Its name for a reader.
        environment: Its environment, which has no kernel with this package.
        kind: What it is driven as.
        module: What starts its server, or the program in the terminal.
        route: Where its server shows a notebook.
        widgets: Whether it shows ipywidgets.
    """

    title: str
    environment: Environment
    kind: Literal["jupyterlab", "classic", "voila", "console", "qtconsole"]
    module: str
    route: str = ""
    widgets: bool = False


FRONT_ENDS = {
    "lab": FrontEnd(
        "JupyterLab 4.6, ipywidgets and anywidget",
        Environment((_LAB, _LAB_WIDGETS, _ANYWIDGET)),
        "jupyterlab", "jupyterlab", "doc/tree/", widgets=True,
    ),
    "lab-ipywidgets": FrontEnd(
        "JupyterLab 4.6, ipywidgets alone",
        Environment((_LAB, _LAB_WIDGETS)),
        "jupyterlab", "jupyterlab", "doc/tree/", widgets=True,
    ),
    "lab-plain": FrontEnd(
        "JupyterLab 4.6, no widgets", Environment((_LAB,)), "jupyterlab", "jupyterlab", "doc/tree/"
    ),
    "lab3": FrontEnd(
        "JupyterLab 3.6, ipywidgets 7",
        Environment(("jupyterlab==3.6.8", "ipywidgets==7.8.5", "jupyterlab_widgets==1.1.11")),
        "jupyterlab", "jupyterlab", "doc/tree/",
    ),
    "notebook": FrontEnd(
        "Notebook 7.6, ipywidgets and anywidget",
        Environment(("notebook==7.6.5", _LAB, _LAB_WIDGETS, _ANYWIDGET)),
        "jupyterlab", "notebook", "notebooks/", widgets=True,
    ),
    "nbclassic": FrontEnd(
        "nbclassic 1.3, ipywidgets and anywidget",
        Environment(("nbclassic==1.3.3", *_WIDGETS, _ANYWIDGET)),
        "classic", "nbclassic", "notebooks/", widgets=True,
    ),
    "nbclassic-plain": FrontEnd(
        "nbclassic 1.3, no widgets", Environment(("nbclassic==1.3.3",)), "classic", "nbclassic", "notebooks/"
    ),
    "voila": FrontEnd(
        "Voila 0.5, ipywidgets and anywidget",
        Environment(("voila==0.5.13", *_WIDGETS, _ANYWIDGET)),
        "voila", "jupyter_server", "voila/render/", widgets=True,
    ),
    "console": FrontEnd(
        "jupyter console 6.6", Environment(("jupyter_console==6.6.3",)), "console", "jupyter_console"
    ),
    "qtconsole": FrontEnd(
        "qtconsole 5.7", Environment(("qtconsole==5.7.2", "PyQt6==6.11.0")), "qtconsole", "qtconsole"
    ),
}  # fmt: skip

KERNELS = {
    "6.31": Environment(("ipykernel==6.31.*",), with_this_package=True),
    "7.0": Environment(("ipykernel==7.0.*",), with_this_package=True),
    "7.3": Environment(("ipykernel==7.3.*",), with_this_package=True),
    "newest": Environment(("ipykernel",), with_this_package=True),
    "newest-no-anywidget": Environment(("ipykernel",), with_this_package=True, without=("anywidget",)),
}
"""By what their name says of ipykernel; the package and the newest ipywidgets are beside it."""

LOSING_MESSAGES = frozenset({"7.0", "7.3"})
"""Those of `KERNELS` that may not notice a message that arrives beside a reply (ipykernel's issue 1554, until 7.4)."""
MATRIX_KERNELS = ("6.31", "7.0", "7.3", "newest")
