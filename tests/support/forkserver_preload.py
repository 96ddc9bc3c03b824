"""Imported by the process that multiprocessing forks others from: each of them has what botocore reads for its clients.

Nothing else imports this module.
"""

from __future__ import annotations

from .botocore_files import read_botocore_files, share_botocore_events, share_botocore_files

share_botocore_files()
share_botocore_events()
read_botocore_files()
