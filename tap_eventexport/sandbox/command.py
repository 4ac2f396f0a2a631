"""The command `tap-eventexport-sandbox`: simulates the vendors on loopback, until a signal."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tap_eventexport.console.standard_streams import standard_streams, teller
from tap_eventexport.sandbox import envfile
from tap_eventexport.sandbox.croct import Croct
from tap_eventexport.sandbox.croct_kinds import EVENTS, SESSIONS, USERS
from tap_eventexport.sandbox.dfinery import Dfinery
from tap_eventexport.sandbox.dfinery_profiles import DfineryProfiles
from tap_eventexport.sandbox.happytalk import HappyTalk
from tap_eventexport.sandbox.history import Chapters, History
from tap_eventexport.sandbox.infobip import Infobip
from tap_eventexport.sandbox.infobip_definitions import InfobipDefinitions
from tap_eventexport.sandbox.ncp import Ncp
from tap_eventexport.sandbox.server import Sandbox, Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_eventexport.sandbox.store import Store

NAME = "tap-eventexport-sandbox"
NEEDED = ("boto3", "flask", "flask_cors", "moto")  # of the extra `sandbox`

ABOUT = """\
Serves the APIs of Dfinery, HappyTalk, Croct, Infobip and Naver Cloud on
loopback, with an invented history of events that grows with the clock, until
SIGINT or SIGTERM: to try the tap without an account. No other machine can reach
it.
"""
EXAMPLES = """\
examples:
  tap-eventexport-sandbox --env .env
  tap-eventexport --config=ENV        in another terminal, in the same folder
  tap-eventexport-sandbox --port 0 --per-day 1000 --latency 0.1
"""


class CannotStartError(Exception):
    """The sandbox can't start; the text says why, and what to do."""


def vendors(history: History | Chapters, store: Store) -> list[Vendor]:
    """Make all vendors, with one history."""
    dfinery = Dfinery(history)
    return [
        dfinery,
        DfineryProfiles(dfinery),
        HappyTalk(history),
        *(Croct(history, kind=kind) for kind in (EVENTS, SESSIONS, USERS)),
        Infobip(history, store.put, steps=()),
        InfobipDefinitions(),
        Ncp(history),
    ]


def settings(url: str, store: Store) -> dict[str, str]:
    """Return the tap's settings to read all vendors.

    Args:
        url: The address of the vendors.
        store: The store for Infobip's exports.
    """
    return {
        "dfinery_api_token": "sandbox-dfinery-token",
        "dfinery_service_id": "sandbox",
        "dfinery_api_url": url,
        "happytalk_token": "sandbox-happytalk-token",
        "happytalk_api_url": url,
        "croct_api_key": "sandbox-croct-key",
        "croct_api_url": url,
        "infobip_api_key": "sandbox-infobip-key",
        "infobip_api_url": url,
        "infobip_export_role_arn": "arn:aws:iam::000000000000:role/infobip-export",
        **store.settings,
        "ncp_access_key": "sandbox-ncp-access-key",
        "ncp_secret_key": "sandbox-ncp-secret-key",
        "ncp_api_url": url,
    }


@standard_streams(teller(NAME))
def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = _parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        _serve(options)
    except CannotStartError as error:
        sys.exit(f"{NAME}: {error}")


def _end(*_: object) -> NoReturn:
    """End at once, at any point of the main thread."""
    sys.exit()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        raise ValueError(text)
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        usage="%(prog)s [option ...]",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--port",
        type=_port,
        default=8765,
        help="of the vendors; 0 takes a free one (default: %(default)s)",
    )
    add("--s3-port", type=_port, help="of the S3 (default: the one after --port)")
    add(
        "--env",
        type=Path,
        metavar="FILE",
        help="write the tap's settings there, such as .env (default: print them)",
    )
    add(
        "--per-day",
        type=int,
        default=2_000,
        metavar="NUMBER",
        help="of events of each stream in a day (default: %(default)s)",
    )
    add(
        "--latency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="before each response (default: %(default)s)",
    )
    return parser


def _serve(options: argparse.Namespace) -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CannotStartError(
            f"{', '.join(missing)} not installed: pip install 'tap-eventexport[sandbox]'"
        )
    from tap_eventexport.sandbox.store import Store  # noqa: PLC0415

    if options.env:
        with _file_errors(options.env):
            envfile.check(options.env)
    port: int = options.port
    s3_port: int = options.s3_port if options.s3_port is not None else port and port + 1
    with _taken(s3_port, "--s3-port"):
        store = Store(port=s3_port)
    with _taken(port, "--port"):
        sandbox = Sandbox(
            vendors(History(options.per_day), store), port=port, latency=options.latency
        )
    with store, sandbox:
        chosen = settings(sandbox.url, store)
        if options.env:
            with _file_errors(options.env):
                envfile.write(options.env, chosen)
        _print(sandbox.url, chosen, options.env)
        threading.Event().wait()


@contextmanager
def _taken(port: int, option: str) -> Iterator[None]:
    """Report in one line why a port can't be used."""
    try:
        yield
    except OSError as error:
        raise CannotStartError(
            f"port {port} can't be used ({error.strerror}): end what uses it, or choose another "
            f"with {option}; 0 takes a free one"
        ) from None


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    """Report in one line why a file can't be written."""
    try:
        yield
    except envfile.NotOursError:
        raise CannotStartError(
            f"{file} was not made by {NAME} and is left as it is: remove it, or name another file"
        ) from None
    except OSError as error:
        raise CannotStartError(
            f"{file} can't be written ({error.strerror}): name another file with --env"
        ) from None


def _print(url: str, chosen: dict[str, str], file: Path | None) -> None:
    """Print the address of the vendors, and how to read them."""
    text = f"The vendors answer at {url}\n\nthen, in another terminal"
    if file:
        text += f", in {file.parent.absolute()}, where {file.name} has the settings:\n\n"
        if file.name != ".env":  # which is read without being named
            text += f"  set -a; . {shlex.quote(f'./{file.name}')}; set +a\n"
    else:
        exports = envfile.environment(chosen).items()
        text += ":\n\n" + "".join(f"  export {name}={value}\n" for name, value in exports)
    print(f"{text}  tap-eventexport --config=ENV\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
