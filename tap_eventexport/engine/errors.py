"""What can go wrong while reading a vendor, named after what is done about it.

SyncError (singer_sdk)
├── FatalSyncError
│   ├── FatalVendorError          the stream ends; a person must do something
│   │   └── InvalidStateError     the STATE that was handed in can't be understood
│   └── StreamMapError            the stream ends; a stream map can't change a record
├── RetriableSyncError
│   └── RetriableVendorError      the same request again, after a short pause
│       └── RateLimitedError      the same request again, when the vendor allows it
└── RestartWindowError            the window from its start, without its position

Stopped                           the run ends, the STATE that was written holds; as it does
                                  where stdout is closed (console.OutputClosedError)
"""

from __future__ import annotations

from singer_sdk.exceptions import FatalSyncError, RetriableSyncError, SyncError


class FatalVendorError(FatalSyncError):
    """The stream can't go on. The text says what happened and what to do."""


class InvalidStateError(FatalVendorError):
    """A value in the STATE that was handed in can't be understood; the text names it."""


class StreamMapError(FatalSyncError):
    """A stream map can't change a record; the text names the property and what is expected."""


class RetriableVendorError(RetriableSyncError):
    """A passing fault: the same request may succeed a little later.

    Args:
        message: What was seen, without secrets and without records.
        wait: Seconds that the vendor asks to wait; None if it doesn't say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimitedError(RetriableVendorError):
    """The vendor's quota is used up for now."""


class RestartWindowError(SyncError):
    """The vendor no longer accepts a position: its window must be read from the start."""


class ShutdownRequested(BaseException):
    """A signal asked this run to end."""
