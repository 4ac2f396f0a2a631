"""A page of a bucket's listing is proved before it is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tap_eventexport.engine.objects.listing import (
    ROOT,
    ListingPage,
    StoredObject,
    fingerprint,
    read_page,
    root_of,
)

TIME = datetime(2026, 3, 1, tzinfo=UTC)
FOUND = {"Key": "a/b", "Size": 5, "ETag": '"e"', "LastModified": TIME}
LAST = {"Name": "exports", "Prefix": "a/", "IsTruncated": False, "KeyCount": 1, "Contents": [FOUND]}
EMPTY = {"Name": "exports", "Prefix": "a/", "IsTruncated": False}


def dated(modified: datetime) -> dict[str, Any]:
    return {**LAST, "Contents": [{**FOUND, "LastModified": modified}]}


def read(answer: dict[str, Any], root: str = ROOT, bucket: str = "exports") -> Any:
    return read_page(answer, root, bucket, "a/")


def test_a_page_and_the_last_one() -> None:
    stored = StoredObject("a/b", 5, '"e"', TIME)
    assert read(LAST).objects == [stored]
    assert read(LAST).token is None
    going_on = read({**LAST, "IsTruncated": True, "NextContinuationToken": "t"})
    assert going_on == ListingPage([stored], "t")
    assert read(EMPTY).objects == []
    assert read({**LAST, "NextContinuationToken": ""}).token is None
    assert read({**LAST, "KeyCount": 3, "CommonPrefixes": [{}, {}]}).objects == [stored]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({}, "another bucket"),
        ({**LAST, "Name": "other"}, "another bucket"),
        ({**LAST, "Prefix": "b/"}, "another prefix"),
        ({"Name": "exports", "IsTruncated": False}, "another prefix"),
        ({**LAST, "Contents": [{**FOUND, "Key": "b/c"}]}, "another prefix"),
        ({**LAST, "Contents": []}, "fewer objects"),
        ({**LAST, "IsTruncated": None}, "if there are more pages"),
        ({**LAST, "IsTruncated": True}, "contradict each other"),
        ({**LAST, "IsTruncated": True, "NextContinuationToken": ""}, "contradict each other"),
        ({**LAST, "NextContinuationToken": "t"}, "contradict each other"),
        ({**LAST, "Contents": [{"Key": "a/b", "Size": 5}]}, "without LastModified"),
        ({**LAST, "Contents": [{"Key": "a/b", "LastModified": TIME}]}, "without Size"),
        (dated(datetime.min), "outside the calendar"),  # noqa: DTZ901
        (dated(datetime.max.replace(tzinfo=UTC)), "outside the calendar"),
        (dated(datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))), "outside the calendar"),
    ],
)
def test_what_is_no_page_of_the_listing(answer: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read(answer)


@pytest.mark.parametrize("root", ["", "html", "ListVersionsResult", "ListAllMyBucketsResult"])
def test_another_document_may_look_like_an_empty_listing(root: str) -> None:
    with pytest.raises(ValueError, match="not a ListBucketResult"):
        read(EMPTY, root)


def test_what_stores_may_leave_out_or_write_otherwise() -> None:
    naive = {"Key": "a/b", "Size": 5, "LastModified": TIME.replace(tzinfo=None)}
    (stored,) = read({**LAST, "Contents": [naive]}).objects
    assert (stored.etag, stored.modified) == ("", TIME)
    assert stored.version != StoredObject("a/b", 5, "", TIME + timedelta(seconds=1)).version
    assert stored.version != StoredObject("a/b", 6, "", TIME).version
    seoul = TIME.astimezone(timezone(timedelta(hours=9)))
    (stored,) = read(dated(seoul)).objects
    assert stored.modified == TIME


@pytest.mark.parametrize("bucket", ["arn:aws:s3:eu-central-1:0:accesspoint/x", "x-0123-s3alias"])
def test_an_access_point_is_listed_under_the_name_of_its_bucket(bucket: str) -> None:
    assert read(LAST, bucket=bucket).objects


@pytest.mark.parametrize("echoed", ["a b+ü/", "a+b%2B%C3%BC%2F", "a b ü/"])
def test_a_prefix_with_odd_characters_is_echoed_in_any_way(echoed: str) -> None:
    answer = {"Name": "exports", "Prefix": echoed, "IsTruncated": False}
    assert read_page(answer, ROOT, "exports", "a b+ü/").objects == []


@pytest.mark.parametrize(
    ("document", "root"),
    [
        (b'<?xml version="1.0"?>\n<ListBucketResult xmlns="http://x/"><Name/>', "ListBucketResult"),
        (b"<!DOCTYPE html><html><body>", "html"),
        (b"<!-- " + b"x" * 100_000 + b"--><a/>", "a"),
        (b'{"a":1}', ""),
        (b"", ""),
        (b"<html", ""),
    ],
)
def test_the_root_of_a_document(document: bytes, root: str) -> None:
    assert root_of(document) == root


def test_a_fingerprint_of_any_text() -> None:
    assert fingerprint("a") == 0xCA978112CA1BBDCA
    assert fingerprint("\ud800") != fingerprint("\ud801")
