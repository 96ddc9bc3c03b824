"""`python -m cognito_jupyter.cli`: what AWS profiles call where no script is installed."""

from __future__ import annotations

import sys

from .main import main

sys.exit(main())
