"""Stands between the tap and a real S3, to change what it answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import requests

from tap_eventexport.sandbox.server import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_eventexport.sandbox.server import Vendor

    Edit = Callable[[Response, Request], Response]


class Relay:
    """Hands requests on to the real S3, signed as they are."""

    path = "/"

    def __init__(self, url: str) -> None:
        self._url = url
        self.edit_listing: Edit = unchanged
        self.edit_object: Edit = unchanged

    def answer(self, request: Request) -> Response:
        """The answer of the real S3, edited."""
        edit = self.edit_listing if request.first("list-type") else self.edit_object
        return edit(self._asked(request), request)

    def _asked(self, request: Request) -> Response:
        answer = requests.request(
            request.method,
            self._url + request.path,
            params=request.query,
            headers=dict(request.headers),
            data=request.body,
            timeout=60,
        )
        kept = ("etag", "last-modified", "content-type")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        return Response(answer.status_code, answer.content, headers)

    def truth(self, stream: str, start: datetime, end: datetime) -> None:
        """Nothing of its own."""


class Edited:
    """A vendor whose answers are edited."""

    def __init__(self, vendor: Vendor, edit: Edit) -> None:
        self.path = vendor.path
        self._vendor = vendor
        self._edit = edit

    def answer(self, request: Request) -> Response:
        """The vendor's answer, edited."""
        return self._edit(self._vendor.answer(request), request)

    def truth(self, stream: str, start: datetime, end: datetime) -> list[str] | None:
        """The vendor's."""
        return self._vendor.truth(stream, start, end)


def unchanged(response: Response, _: Request) -> Response:
    """An answer as it is."""
    return response


def always(response: Response) -> Edit:
    """The same answer to everything."""
    return lambda *_: response


def document(edit: Callable[[bytes], bytes]) -> Edit:
    """An answer with another body."""
    return lambda response, _: replace(response, body=edit(response.body))


def replaced(pattern: bytes, by: bytes) -> Edit:
    """An answer in whose body a pattern is replaced."""
    return document(lambda body: re.sub(pattern, by, body))


def in_turn(*edits: Edit) -> Edit:
    """The first answer edited in one way, the next in another; all others are as they are."""
    rest = iter(edits)

    def edit(response: Response, request: Request) -> Response:
        return next(rest, unchanged)(response, request)

    return edit
