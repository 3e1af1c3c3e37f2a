"""Releases, entries and references from an HTTP(S) server: resumed, checked, placed whole, and never in a hurry.

Names are loaded when first used, so that the settings cost no HTTP client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyecod.fetch.download import Download, Fetched
    from pyecod.fetch.many import fetch_files
    from pyecod.fetch.reference import ReferenceFiles, fetch_reference
    from pyecod.fetch.release import entry_downloads, fetch_lists, list_dates, refresh_lists
    from pyecod.fetch.stage import Stage, staged_entries

_MODULES = {
    "Download": "download",
    "Fetched": "download",
    "ReferenceFiles": "reference",
    "Stage": "stage",
    "entry_downloads": "release",
    "fetch_files": "many",
    "fetch_lists": "release",
    "fetch_reference": "reference",
    "list_dates": "release",
    "refresh_lists": "release",
    "staged_entries": "stage",
}

__all__ = [
    "Download",
    "Fetched",
    "ReferenceFiles",
    "Stage",
    "entry_downloads",
    "fetch_files",
    "fetch_lists",
    "fetch_reference",
    "list_dates",
    "refresh_lists",
    "staged_entries",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
