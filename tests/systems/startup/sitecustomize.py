"""Installs the simulation in this process, and in each that it starts: they inherit PYTHONPATH and the variables."""

import os
import sys

if os.environ.get("SIMULATED_SYSTEM"):
    _ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.path.insert(0, _ROOT)
    try:
        from tests.systems.shim import install
    finally:
        sys.path.remove(_ROOT)
    install()
