"""Checks the connection to each vendor, and logs a line about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_eventexport.engine.reasons import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from logging import Logger

    from tap_eventexport.engine.stream import EventStream
    from tap_eventexport.vendor import Api


def check_connections(
    apis: Iterable[Api],
    config: Mapping[str, Any],
    streams: Sequence[EventStream],
    logger: Logger,
) -> bool:
    """Check the credentials of each configured API with one cheap request.

    If its selected streams have several endpoints, each of these is requested.

    Args:
        apis: The APIs of all vendors.
        config: The settings.
        streams: The selected streams.
        logger: Where the lines go.

    Returns:
        Whether all connections work.

    Raises:
        ShutdownRequested: If a signal asked the command to end.
    """
    is_fine = True
    for api in apis:
        if not api.is_configured(config):
            logger.info("%s: not configured (%s is not set)", api.name, api.credential)
            continue
        own = [stream for stream in streams if stream.vendor == api.name]
        firsts = {stream.path: stream for stream in reversed(own)}
        errors = {stream.name: _error(stream) for stream in reversed(firsts.values())}
        is_fine &= _log(api.name, errors, logger)
    return is_fine


def _error(stream: EventStream) -> Exception | None:
    stream.client.fail_fast()
    try:
        stream.check_connection()
    except Exception as error:  # noqa: BLE001 - of this vendor alone
        return error
    return None


def _log(vendor: str, errors: Mapping[str, Exception | None], logger: Logger) -> bool:
    """Log if a vendor can be read, given the errors by stream; returns whether all of it can."""
    failed = {name: error for name, error in errors.items() if error}
    fine = [name for name in errors if name not in failed]
    for name, error in list(failed.items())[: None if fine else 1]:
        place = f" for {name}" if fine else ""
        logger.error("%s: connection failed%s: %s", vendor, place, describe(error))
        logger.debug("%s: connection failed%s", vendor, place, exc_info=error)
    if fine:
        place = f" for {', '.join(fine)}" if failed else ""
        logger.info("%s: connection OK%s", vendor, place)
    return not failed
