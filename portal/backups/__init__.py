"""Copies of an installation, and putting one back so that nothing comes back that was erased since."""

from portal.backups.copies import Copy, is_marked, put_back, read_copy, save
from portal.backups.finishing import Report, finish, is_waiting

__all__ = ["Copy", "Report", "finish", "is_marked", "is_waiting", "put_back", "read_copy", "save"]
