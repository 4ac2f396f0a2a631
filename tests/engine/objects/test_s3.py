"""How the bucket is reached, through the real command and a real S3 that checks permissions."""

from __future__ import annotations

import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tap_eventexport.sandbox.server import Fault, Request, Response, Sandbox
from tap_eventexport.sandbox.store import READ, REGION
from tests.relay import Relay
from tests.singer import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_eventexport.sandbox.store import Store

STREAM = "infobip_events"
WITHOUT_BOTO3 = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "boto3" else find(name, *more)
from tap_eventexport.tap import main
main()
"""


@pytest.fixture
def directory(store: Store, tmp_path: Path) -> str:
    """A directory with one export file of 200 rows."""
    directory = f"{tmp_path.parent.name}/{tmp_path.name}/"
    time = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    rows = [json.dumps({"timestamp": time, "properties": {"n": n}}) for n in range(200)]
    body = gzip.compress("\n".join(rows).encode())
    store.put(f"{directory}{UUID(int=1)}-events-a.json.gz", body)
    return directory


@pytest.fixture
def tap(tmp_path: Path, store: Store, directory: str) -> Tap:
    settings: dict[str, Any] = store.settings
    return Tap(tmp_path, infobip_mode="files", infobip_s3_directory=directory, **settings)


def user(store: Store, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """A user's keys; another user for each test."""
    return store.add_user(store.iam, name, list(statements))


def role(store: Store, name: str, external_id: str | None) -> str:
    """A role that may read, which the reading user may assume; its ARN."""
    trusted = store.iam.get_user(UserName="reader")["User"]["Arn"]
    trust: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": trusted},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = store.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [READ]})
    store.iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy)
    arn: str = made["Role"]["Arn"]
    return arn


def records(tap: Tap, **options: Any) -> int:
    done = tap.run(**options)
    assert done.code == 0, done.log
    return len(done.heard.records[STREAM])


def without_keys(tap: Tap) -> Tap:
    """The tap, left to AWS's default chain, which finds nothing of this machine."""
    tap.settings = {
        name: value
        for name, value in tap.settings.items()
        if name not in {"aws_access_key_id", "aws_secret_access_key"}
    }
    return tap


def test_static_keys(tap: Tap) -> None:
    assert records(tap) == 200


def test_the_default_chain(tap: Tap, store: Store) -> None:
    environment = {name.upper(): value for name, value in store.reader.items()}
    assert records(without_keys(tap), environment=environment) == 200


def test_a_profile(tap: Tap, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    lines = ["[exports]", *(f"{name} = {value}" for name, value in store.reader.items())]
    (tmp_path / ".aws/credentials").write_text("\n".join(lines))
    assert records(without_keys(tap), aws_profile="exports") == 200
    done = without_keys(tap).run(aws_profile="other")
    assert "aws_profile" in done.log_line(f"{STREAM} failed")


def test_a_role_with_an_external_id(tap: Tap, store: Store) -> None:
    arn = role(store, "with-id", "our-id")
    assert records(tap, aws_role_arn=arn, aws_external_id="our-id") == 200
    done = tap.run(aws_role_arn=arn, aws_external_id="another")
    assert "aws_external_id" in done.log_line(f"{STREAM} failed")


RENEWING = """
from botocore.credentials import CachedCredentialFetcher, RefreshableCredentials
CachedCredentialFetcher.DEFAULT_EXPIRY_WINDOW_SECONDS = 10**6
RefreshableCredentials._advisory_refresh_timeout = 10**6  # nothing is fresh enough
from tap_eventexport.tap import main
main()
"""


def test_a_role_is_assumed_again_before_its_credentials_expire(
    tap: Tap, store: Store, relay: Sandbox
) -> None:
    arn = role(store, "renewed", None)
    tap.command = [sys.executable, "-c", RENEWING]
    assert records(tap, aws_role_arn=arn, aws_endpoint_url=relay.url) == 200
    assert sum(b"AssumeRole" in request.body for request in relay.requests) >= 2


def test_no_secret_of_a_role_is_logged(tap: Tap, store: Store) -> None:
    arn = role(store, "logged", None)
    done = tap.run(aws_role_arn=arn, environment={"TAP_EVENTEXPORT_LOGLEVEL": "DEBUG"})
    assert done.code == 0
    assert "SecretAccessKey" not in done.log
    assert "SessionToken" not in done.log


def test_no_keys_at_all(tap: Tap) -> None:
    done = without_keys(tap).run()
    assert "no AWS credentials" in done.log_line(f"{STREAM} failed")


def test_wrong_keys(tap: Tap) -> None:
    done = tap.run(aws_secret_access_key="wrong")  # noqa: S106
    line = done.log_line(f"{STREAM} failed")
    assert "SignatureDoesNotMatch" in line
    assert "aws_secret_access_key" in line


@pytest.mark.parametrize(
    ("allowed", "words"),
    [("s3:GetObject", "needs s3:ListBucket"), ("s3:ListBucket", "needs s3:GetObject")],
)
def test_a_missing_permission_is_named(tap: Tap, store: Store, allowed: str, words: str) -> None:
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    keys: dict[str, Any] = user(store, f"only-{allowed[3:]}", statement)
    done = tap.run(**keys)
    assert words in done.log_line(f"{STREAM} failed")
    assert (tap.run("--test", **keys).code == 0) == (allowed == "s3:ListBucket")


def test_a_bucket_that_does_not_exist(tap: Tap) -> None:
    done = tap.run(infobip_s3_bucket="no-such-bucket")
    assert "infobip_s3_bucket" in done.log_line(f"{STREAM} failed")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("KMS.DisabledException", "kms:Decrypt"),
        ("InvalidObjectState", "restore it"),
        ("PermanentRedirect", "infobip_s3_region"),
        ("RequestTimeTooSkewed", "clock"),
    ],
)
def test_a_refusal_says_what_to_do(tap: Tap, relay: Sandbox, code: str, words: str) -> None:
    told = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
    relay.faults.append(Fault("answer", after=1, times=9, response=Response(400, told)))
    done = tap.run(aws_endpoint_url=relay.url)
    assert words in done.log_line(f"{STREAM} failed")


def test_a_large_directory_is_listed_in_one_pass(
    tap: Tap, relay: Sandbox, store: Store, directory: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.put(f"{directory}{n:05}.txt", b"x"), range(2_100)))
    assert records(tap, aws_endpoint_url=relay.url) == 200
    listings = [request for request in relay.requests if request.first("list-type")]
    assert len(listings) == 3


def test_without_boto3_one_line_says_what_to_install(tap: Tap) -> None:
    tap.command = [sys.executable, "-c", WITHOUT_BOTO3]
    done = tap.run()
    assert done.code == 1
    assert "tap-eventexport[s3]" in done.log_line("boto3")


@pytest.fixture
def relay(store: Store) -> Iterator[Sandbox]:
    with Sandbox([Relay(store.url)]) as sandbox:
        yield sandbox


@pytest.mark.parametrize("kind", ["short", "reset", "refuse", "answer"])
@pytest.mark.parametrize("request_number", [0, 1])
def test_an_answer_that_breaks_off_is_asked_for_again(
    tap: Tap, relay: Sandbox, kind: str, request_number: int
) -> None:
    relay.faults.append(Fault(kind, after=request_number, response=Response(503)))
    assert records(tap, aws_endpoint_url=relay.url) == 200


def test_an_object_that_is_overwritten_after_it_was_listed_is_read_as_it_is_now(
    tap: Tap, relay: Sandbox, store: Store, directory: str
) -> None:
    time = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    key = f"{directory}{UUID(int=1)}-events-a.json.gz"
    answer = relay.vendors[0].answer

    def overwrite(request: Request) -> Response:
        if request.query == ():
            store.put(key, gzip.compress(json.dumps({"timestamp": time}).encode()))
        return answer(request)

    relay.vendors[0].answer = overwrite  # type: ignore[method-assign]
    assert records(tap, aws_endpoint_url=relay.url) == 1


def test_the_region_may_be_written_in_either_way(tap: Tap) -> None:
    assert records(tap, infobip_s3_region=REGION.upper().replace("-", "_")) == 200
