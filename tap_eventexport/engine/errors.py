"""The errors of reading a vendor, each named after its remedy.

SyncError (singer_sdk)
├── FatalSyncError
│   ├── FatalVendorError          the stream ends; the user must do something
│   │   └── InvalidStateError     the STATE that was handed in can't be understood
│   └── StreamMapError            the stream ends; a stream map can't change a record
├── RetriableSyncError
│   └── RetriableVendorError      the same request again, after a short pause
│       └── RateLimitedError      the same request again, when the vendor allows it
└── RestartWindowError            the window from its start, without its cursor

ShutdownRequested                 the run ends, and the STATE that was written is valid; the same
                                  is true if stdout is closed (console.OutputClosedError)
"""

from __future__ import annotations

from singer_sdk.exceptions import FatalSyncError, RetriableSyncError, SyncError


class FatalVendorError(FatalSyncError):
    """The stream can't continue. The text says what happened and what to do."""


class InvalidStateError(FatalVendorError):
    """A value in the STATE that was handed in can't be understood; the text names it."""


class StreamMapError(FatalSyncError):
    """A stream map can't change a record; the text names the property and what is expected."""


class RetriableVendorError(RetriableSyncError):
    """A transient failure: the same request may succeed a little later.

    Args:
        message: What happened, without secrets and without records.
        wait: Seconds that the vendor asks to wait; None if it doesn't say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimitedError(RetriableVendorError):
    """The vendor's rate limit is reached for now."""


class RestartWindowError(SyncError):
    """The vendor no longer accepts a cursor: its window must be read from the start."""


class ShutdownRequested(BaseException):
    """A signal asked this run to end."""
