"""A real S3 and STS on loopback: moto's server, in its own process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
import requests
from botocore.config import Config

if TYPE_CHECKING:
    from typing import Self

REGION = "eu-central-1"
LONGEST_START = 60.0  # seconds
SEED = 1  # of the keys that moto makes, so that they are the same after each start
NO_PROXY = Config(proxies={})  # it is on loopback

# Runs moto's server until its standard input ends, which is when this process is gone.
SERVE = """
import os, sys, threading
from moto.server import main
threading.Thread(target=lambda: os._exit(bool(sys.stdin.read())), daemon=True).start()
main()
"""
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
READ = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}


class Store:
    """An S3 with one bucket, which checks signatures and permissions.

    Use it as a context manager. The reader has keys of a user that may list, get and assume roles;
    `owner` has keys that may do everything.

    Args:
        bucket: The bucket's name.
        port: 0 chooses a free one.

    Raises:
        OSError: If the port can't be used.
    """

    def __init__(self, bucket: str = "sandbox-exports", port: int = 0) -> None:
        self.bucket = bucket
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
            free.bind(("127.0.0.1", port))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-c", SERVE, "-H", "127.0.0.1", "-p", str(port)]
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - moto's own command
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
            self._set_up()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()  # what it holds is gone in any case
        self._process.communicate()

    def _wait(self) -> None:
        deadline = time.monotonic() + LONGEST_START
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._session.get(f"{self.url}/moto-api/", timeout=LONGEST_START)
            except requests.ConnectionError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("moto's server didn't start")

    def _set_up(self) -> None:
        self._post("seed", params={"a": SEED})
        anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
        iam = self.client("iam", anybody)
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        self.owner = self.add_user(iam, "owner", [everything])
        self.reader = self.add_user(iam, "reader", [READ, ASSUME])
        self._s3 = self.client("s3", self.owner)
        self._s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        # From now on keys and permissions are checked.
        self._post("reset-auth", data="0", headers={"Content-Type": "text/plain"})

    def _post(self, what: str, **options: Any) -> None:  # noqa: ANN401
        answer = self._session.post(f"{self.url}/moto-api/{what}", timeout=LONGEST_START, **options)
        answer.raise_for_status()

    def client(self, service: str, keys: dict[str, str]) -> Any:  # noqa: ANN401 - has no types
        """Return a client of one of the services."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, config=NO_PROXY, **keys
        )

    @property
    def iam(self) -> Any:  # noqa: ANN401
        """The owner's client for users and roles."""
        return self.client("iam", self.owner)

    @staticmethod
    def add_user(iam: Any, name: str, statements: list[dict[str, Any]]) -> dict[str, str]:  # noqa: ANN401
        """Make a user, and return the settings with its keys."""
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    @property
    def settings(self) -> dict[str, str]:
        """Return the tap's settings to read this bucket."""
        return {
            "infobip_s3_bucket": self.bucket,
            "infobip_s3_region": REGION,
            "aws_endpoint_url": self.url,
            **self.reader,
        }

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def listed(self) -> list[str]:
        """Return the keys of all objects."""
        return [*self.stored()]

    def stored(self) -> dict[str, str]:
        """Return the ETags of all objects, by key."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", ())}

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)
