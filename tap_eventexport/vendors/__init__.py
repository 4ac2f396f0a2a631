"""The vendors: one file or folder each, with everything that is specific to that vendor.

Settings, streams, checks, and their parts of the documents are derived from `VENDORS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_eventexport.vendor import Vendor

ROOMS = (  # in the order of the documents
    "dfinery",
    "happytalk",
    "croct",
    "infobip",
    "ncp",
)
VENDORS: tuple[Vendor, ...] = tuple(import_module(f"{__name__}.{room}").VENDOR for room in ROOMS)
