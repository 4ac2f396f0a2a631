"""Explains network errors between this machine and a server, and says what to do.

The libraries' own texts hold URLs with queries and the addresses of objects, so they are never
shown. The libraries wrap each other's errors several times; the innermost error is the cause.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3
from requests.exceptions import InvalidSchema

from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
MOST_CAUSES = 20  # errors that wrap each other
NO_FILES = {errno.EMFILE, errno.ENFILE}
TOO_MANY_FILES = (
    "this process has reached its limit of open files and connections; raise it (ulimit -n), "
    "or set a smaller concurrency"
)
NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
OTHER_HOST = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
OTHER_TIME = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED

_refusal = re.compile(r"Tunnel connection failed: (\d{3}\b[^'\")]{0,40})")


Kinds = type[BaseException] | tuple[type[BaseException], ...]


class Fault(NamedTuple):
    """A network error.

    Attributes:
        words: What happened and what to do.
        is_lasting: Whether a retry of the same request can't succeed.
    """

    words: str
    is_lasting: bool = False


def fault(error: BaseException) -> Fault:
    """Explain an error of the HTTP libraries."""
    causes = list(_causes(error))
    return _of_this_machine(causes) or _of_the_proxy(causes) or _of_the_server(causes)


def ca_bundle() -> str | None:
    """The CA bundle that the environment names; None if it names none.

    OpenSSL, curl and others read SSL_CERT_FILE; the libraries used here don't.
    """
    return next((path for name in BUNDLES if (path := os.environ.get(name))), None)


def has_no_descriptor() -> bool:
    """Whether no more files and connections can be opened; not every error says so."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in NO_FILES
    return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < MOST_CAUSES:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (getattr(current, "reason", None), *current.args)
        wrapped = (*inner, current.__cause__, current.__context__)
        waiting += [cause for cause in wrapped if isinstance(cause, BaseException)]


def _of_this_machine(causes: list[BaseException]) -> Fault | None:
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in NO_FILES:
            return Fault(TOO_MANY_FILES)
        if isinstance(cause, OSError) and "CA certificate bundle" in str(cause):
            return Fault(_no_bundle("doesn't exist"), is_lasting=True)
    if any("SOCKS" in str(cause) for cause in causes if isinstance(cause, InvalidSchema)):
        return Fault(
            "the proxy is a SOCKS proxy, which needs another package: pip install pysocks",
            is_lasting=True,
        )
    lasting = (words for kinds, words in _UNSENDABLE if _has(causes, kinds))
    return next((Fault(words, is_lasting=True) for words in lasting), None)


def _has(causes: list[BaseException], kinds: Kinds) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


_UNSENDABLE: tuple[tuple[Kinds, str], ...] = (  # the first that fits
    (
        (requests.exceptions.InvalidHeader, UnicodeEncodeError),
        "a header has characters that HTTP doesn't allow; check the key or token, and user_agent",
    ),
    (
        (requests.exceptions.InvalidProxyURL, urllib3.exceptions.ProxySchemeUnknown),
        "the proxy's address can't be used; check HTTPS_PROXY",
    ),
    (
        (
            requests.exceptions.InvalidURL,
            InvalidSchema,
            requests.exceptions.MissingSchema,
            urllib3.exceptions.LocationParseError,
            http.client.InvalidURL,
            UnicodeError,
        ),
        "the address can't be used; check the vendor's API URL, and HTTPS_PROXY",
    ),
)


def _of_the_proxy(causes: list[BaseException]) -> Fault | None:
    if not any(
        isinstance(cause, requests.exceptions.ProxyError | urllib3.exceptions.ProxyError)
        for cause in causes
    ):
        return None
    refusals = (_refusal.search(str(cause)) for cause in causes if isinstance(cause, OSError))
    refusal = next((found[1] for found in refusals if found), "")
    if refusal.startswith("407"):
        return Fault(WANTS_NAME, is_lasting=True)
    if refusal:
        return Fault(
            f"the proxy refuses the host ({quote_name(refusal)}); allow it there, or exclude "
            "it with NO_PROXY"
        )
    words, is_lasting = _of_the_server(causes)
    return Fault(f"the proxy of HTTPS_PROXY can't be used: {words}", is_lasting)


WANTS_NAME = (
    "the proxy requires a name and a password (407); put them into HTTPS_PROXY, as "
    "http://name:password@host:port"
)


def _of_the_server(causes: list[BaseException]) -> Fault:
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if tls:
        return _of_tls(tls)
    if any(isinstance(cause, OSError) and cause.errno in NO_ROUTE for cause in causes):
        return Fault("there is no route to the host; check this machine's network and its firewall")
    fitting = (words for kinds, words in _WORDS if _has(causes, kinds))
    return Fault(next(fitting, "the connection failed; check the address and the network"))


_BROKEN = "the server closed the connection"
_WORDS: tuple[tuple[Kinds, str], ...] = (  # the first that fits
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        "its host name can't be resolved; check the address, and this machine's DNS and network",
    ),
    (ConnectionRefusedError, "the connection was refused; check the address and its port"),
    (
        (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
        "no connection within request_timeout; check the address, the firewall and HTTPS_PROXY",
    ),
    ((requests.Timeout, urllib3.exceptions.TimeoutError), "no response within request_timeout"),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        "the body's compression is broken",
    ),
    (urllib3.exceptions.InvalidChunkLength, "the body's chunks are broken"),
    (ConnectionError, _BROKEN),
    (
        (urllib3.exceptions.IncompleteRead, requests.exceptions.ChunkedEncodingError),
        "the body is shorter than announced",
    ),
    (http.client.HTTPException, "the response is not HTTP; check the address and its port"),
)


def _of_tls(error: ssl.SSLError) -> Fault:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(_of_certificate(error.verify_code), is_lasting=True)
    match getattr(error, "reason", None):  # which not all of them have
        case "NO_CERTIFICATE_OR_CRL_FOUND":
            return Fault(_no_bundle("holds no certificates"), is_lasting=True)
        case "WRONG_VERSION_NUMBER" | "HTTP_REQUEST":
            words = "it doesn't speak TLS; check whether https:// is right, and the port"
            return Fault(words, is_lasting=True)
        case None | "UNEXPECTED_EOF_WHILE_READING":
            return Fault(_BROKEN)
        case reason:
            return Fault(f"TLS failed ({quote_name(reason)})")


def _of_certificate(code: int) -> str:
    if code in OTHER_HOST:
        return "its certificate is for another host; check the address"
    if code in OTHER_TIME:
        now = format_instant(datetime.now(UTC))
        return (
            f"its certificate has expired, or isn't valid yet; this machine's clock says {now}, "
            "set it if that is wrong"
        )
    return (
        "its certificate comes from no known CA; behind a proxy that re-signs traffic, set "
        "REQUESTS_CA_BUNDLE or SSL_CERT_FILE to its CA"
    )


def _no_bundle(problem: str) -> str:
    name = next((name for name in BUNDLES if os.environ.get(name)), BUNDLES[0])
    return f"the file of {name} {problem}: {quote_name(os.environ.get(name, ''))}"
