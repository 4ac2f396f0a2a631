"""One room a vendor: a file, or a folder, with all that is true of it and of no other.

Settings, streams, checks, and what the documents say of them derive from `VENDORS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_eventexport.vendor import Vendor

ROOMS = (  # in the order in which people see them
    "dfinery",
    "happytalk",
    "croct",
    "infobip",
    "ncp",
)
VENDORS: tuple[Vendor, ...] = tuple(import_module(f"{__name__}.{room}").VENDOR for room in ROOMS)
