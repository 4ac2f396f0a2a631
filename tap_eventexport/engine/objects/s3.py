"""Reads objects of one S3 bucket, or of a compatible store; only this file uses boto3.

https://docs.aws.amazon.com/AmazonS3/latest/API/ (ListObjectsV2, GetObject)
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from tap_eventexport.engine.bodies.disk_set import DiskHashSet
from tap_eventexport.engine.bodies.spool import spooled
from tap_eventexport.engine.errors import FatalVendorError, RetriableVendorError
from tap_eventexport.engine.http.clocks import timer
from tap_eventexport.engine.http.response import one_line
from tap_eventexport.engine.names import quote_name
from tap_eventexport.engine.network import ca_bundle, fault
from tap_eventexport.engine.objects.listing import ListingPage, fingerprint, read_page, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_eventexport.engine.http.client import HttpClient
    from tap_eventexport.engine.http.clocks import VendorClock
    from tap_eventexport.engine.objects.listing import StoredObject

CHUNK = 1 << 20  # bytes read at a time
DEFAULT_REGION = "us-east-1"  # if no region is set: the region of S3's global address
ROOT_NAME = "RootName"  # an extra member of a listing's response
MOST_EMPTY_PAGES = 1_000  # of a listing, in a row
LONGEST_ADDRESS = 1_100  # characters; a key has at most 1024 bytes
ROLE_SESSION = "tap-eventexport"  # what CloudTrail shows

BROKEN = 500  # the first HTTP status that isn't the caller's fault
DENIED = {"AccessDenied", "403", "AllAccessDisabled"}
ELSEWHERE = {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "InvalidRegion"}


@dataclass(frozen=True, slots=True)
class Access:
    """How the bucket is accessed; for a value of None, AWS's default chain decides.

    Attributes:
        setting: The prefix of the names of the settings for bucket and region, for errors.
    """

    setting: str
    bucket: str
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    endpoint_url: str | None = None


class _Pages:
    """The keys and tokens of one listing, to detect pages that repeat."""

    def __init__(self) -> None:
        self._keys = DiskHashSet()
        self._tokens: set[str] = set()
        self._empty = 0

    def check(self, page: ListingPage) -> None:
        """Refuse a page that repeats earlier ones, or too many empty pages.

        Raises:
            ValueError: If it does.
        """
        if page.token in self._tokens:
            raise ValueError("it repeats a continuation token")
        numbers = [fingerprint(found.key) for found in page.objects]
        if numbers and not sum(self._keys.add(number) for number in numbers):
            raise ValueError("it has the same objects as earlier pages")
        self._empty = 0 if numbers else self._empty + 1
        if page.token and self._empty > MOST_EMPTY_PAGES:
            raise ValueError(f"{MOST_EMPTY_PAGES} pages have no object, and there are more")
        if page.token:
            self._tokens.add(page.token)


class Bucket:
    """A bucket.

    Args:
        access: How it is accessed.
        http: The client whose retry policy and timeouts are used here too.
        clock: Compared with the store's clock, if the store's times decide what is read.
    """

    def __init__(self, access: Access, http: HttpClient, clock: VendorClock | None = None) -> None:
        self._access = access
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._made: Any = None

    def __str__(self) -> str:
        return f"s3://{self._access.bucket}"

    def named(self, key: str) -> str:
        """Return the full address of a key, for messages."""
        return quote_name(f"{self}/{key}", LONGEST_ADDRESS)

    def check_connection(self, prefix: str) -> None:
        """List one key.

        Raises:
            FatalVendorError: If that is refused, or the response isn't a listing.
        """
        self._http.retry(lambda: self._page(prefix, _Pages(), MaxKeys=1))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects with a key prefix, 1000 per request, in the store's own order.

        S3 lists in order of keys; its directory buckets and other stores may not.

        Args:
            prefix: What the keys begin with.

        Raises:
            FatalVendorError: If they can't be listed, or the response isn't a complete listing.
        """
        pages = _Pages()
        where: dict[str, Any] = {}
        while True:
            page = self._http.retry(partial(self._page, prefix, pages, **where))
            yield from page.objects
            if page.token is None:
                return
            where = {"ContinuationToken": page.token}

    def _page(self, prefix: str, pages: _Pages, **where: Any) -> ListingPage:  # noqa: ANN401
        name, bucket = self.named(prefix), self._access.bucket
        with self._in_words(f"list {name}", "s3:ListBucket"):
            client = self._client()
            asked = timer()
            try:
                response = client.list_objects_v2(Bucket=bucket, Prefix=prefix, **where)
            except _unreadable() as error:
                raise _no_listing(name, f"it can't be read ({type(error).__name__})") from None
        try:
            page = read_page(response, response.get(ROOT_NAME, ""), bucket, prefix)
            pages.check(page)
        except ValueError as error:
            raise _no_listing(name, str(error)) from None
        if self._clock:
            headers = CaseInsensitiveDict(response["ResponseMetadata"]["HTTPHeaders"])
            self._clock.compare(headers, asked)
        return page

    def open(self, stored: StoredObject) -> IO[bytes]:
        """Return a temporary file with the whole object; the caller must close it.

        If an object was overwritten since it was listed, the new one is read.

        Raises:
            FatalVendorError: If it can't be read.
        """
        file = self._http.retry(lambda: self._download(stored))
        self._http.usage.answered(stored.size)
        return file

    def _download(self, stored: StoredObject) -> IO[bytes]:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        name = self.named(stored.key)
        with self._in_words(f"read {name}", "s3:GetObject (and kms:Decrypt under SSE-KMS)"):
            response = self._get(stored)
        etag = response.get("ETag")
        try:
            with closing(response["Body"]) as body:
                if stored.etag and not etag:
                    raise RetriableVendorError(f"{name}: the response has no ETag")
                file = spooled(iter(partial(body.read, CHUNK), b""), name)
        except (BotoCoreError, OSError) as error:
            words = fault(error).words
            raise RetriableVendorError(f"{name} was not read to its end: {words}") from None
        size = file.seek(0, os.SEEK_END)
        is_more = size > stored.size and "ContentLength" in response  # without, it was unpacked
        if _is_same(etag, stored.etag) and (size < stored.size or is_more):
            file.close()
            raise RetriableVendorError(
                f"{name} has {size} bytes, but the listing says {stored.size}"
            )
        file.seek(0)
        return file

    def _get(self, stored: StoredObject) -> Any:  # noqa: ANN401
        """Return the response to GetObject: of the listed version, or else of the current one."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        get = partial(self._client().get_object, Bucket=self._access.bucket, Key=stored.key)
        try:
            return get(**({"IfMatch": stored.etag} if stored.etag else {}))
        except ClientError as error:
            if _code(error) not in {"PreconditionFailed", "412"}:
                raise
        return get()

    def _client(self) -> Any:  # noqa: ANN401 - boto3 has no types
        with self._lock:
            if self._made is None:
                self._made = _client(self._access, self._http)
            return self._made

    @contextmanager
    def _in_words(self, doing: str, permission: str) -> Iterator[None]:
        """Replace boto3's errors with messages that say what to do."""
        from botocore import exceptions  # noqa: PLC0415

        try:
            yield
        except exceptions.ClientError as error:
            code = _code(error)
            said = f"{code}, {one_line(error.response.get('Error', {}).get('Message', ''))}"
            raise FatalVendorError(
                f"S3 refused to {doing} ({said}): {self._advice(error, code, permission)}"
            ) from None
        except (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
        ) as error:
            raise FatalVendorError(
                f"S3: no AWS credentials to {doing} ({error}); set aws_access_key_id and "
                "aws_secret_access_key, or aws_profile, or run where AWS's default chain has some"
            ) from None
        except exceptions.ProfileNotFound:
            raise FatalVendorError(
                "S3: AWS's configuration has no such profile; check aws_profile"
            ) from None
        except exceptions.BotoCoreError as error:
            raise FatalVendorError(
                f"S3: {self._http.attempts} attempts to {doing} failed "
                f"({fault(error).words}): check {self._access.setting}_bucket and _region, "
                "aws_endpoint_url and the network"
            ) from None

    def _advice(self, error: Any, code: str, permission: str) -> str:  # noqa: ANN401
        if error.operation_name == "AssumeRole":
            return (
                "check aws_role_arn, that its trust policy names the credentials' user, and "
                "aws_external_id"
            )
        if code.startswith("KMS"):
            return "the reader needs kms:Decrypt on the bucket's key"
        if code in DENIED:
            return (
                f"the reader needs {permission}; without s3:ListBucket a missing object is "
                "refused in the same way"
            )
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= BROKEN:
            return (
                "the store has an internal error, or another server answers instead of it; try "
                "again later, and check aws_endpoint_url"
            )
        setting = self._access.setting
        advices = {
            "NoSuchBucket": f"check {setting}_bucket",
            "NoSuchKey": "the object is gone; run again",
            "404": "the bucket or the object is gone",
            "InvalidObjectState": "the object is archived; restore it first",
            "RequestTimeTooSkewed": "set this machine's clock",
            **dict.fromkeys(ELSEWHERE, f"check {setting}_region: the bucket is in another region"),
        }
        return advices.get(
            code,
            "check aws_access_key_id, aws_secret_access_key, aws_session_token or aws_profile",
        )


def _unreadable() -> tuple[type[Exception], ...]:
    """The exceptions that boto3 raises for a response with missing or malformed parts."""
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    return (ResponseParserError, ValueError, LookupError, TypeError, OverflowError, RuntimeError)


def _no_listing(name: str, fault: str) -> RetriableVendorError:
    return RetriableVendorError(
        f"the listing of {name} is invalid: {fault}; check aws_endpoint_url, and any proxy "
        "between this machine and the store"
    )


def _is_same(etag: str | None, listed: str) -> bool:
    """Whether two ETags are equal, ignoring quotes; two missing ETags are equal."""
    return (etag or "").removeprefix("W/").strip('"') == listed.removeprefix("W/").strip('"')


def _note_root(
    response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Keep the name of the listing document's root, which boto3 drops."""
    customized_response_dict[ROOT_NAME] = root_of(response_dict["body"])


def _code(error: Any) -> str:  # noqa: ANN401
    return str(error.response.get("Error", {}).get("Code", "no code"))


def _client(access: Access, http: HttpClient) -> Any:  # noqa: ANN401
    import boto3  # noqa: PLC0415 - slow to import, and an extra
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    for library in ("boto3", "botocore"):  # their logs hold signatures and roles' secrets
        logging.getLogger(library).setLevel(logging.ERROR)
    core = botocore.session.Session(profile=access.profile)
    if access.access_key_id and access.secret_access_key:
        core.set_credentials(access.access_key_id, access.secret_access_key, access.session_token)
    if bundle := ca_bundle():
        core.set_config_variable("ca_bundle", core.get_config_variable("ca_bundle") or bundle)
    region = access.region or core.get_config_variable("region") or DEFAULT_REGION
    if access.role_arn:
        _assume_role(core, access, region)
    is_compatible = access.endpoint_url is not None
    config = Config(
        connect_timeout=http.connect_timeout,
        read_timeout=http.timeout,
        retries={"mode": "standard", "total_max_attempts": http.attempts},
        s3={"addressing_style": "path"} if is_compatible else None,
        request_checksum_calculation="when_required" if is_compatible else None,
        response_checksum_validation="when_required" if is_compatible else None,
    )
    session = boto3.Session(botocore_session=core, region_name=region)
    client = session.client("s3", endpoint_url=access.endpoint_url, config=config)
    client.meta.events.register("before-parse.s3.ListObjectsV2", _note_root)
    return client


def _assume_role(core: Any, access: Access, region: str) -> None:  # noqa: ANN401
    """Make a session use a role's credentials, which are renewed before they expire."""
    from botocore.credentials import (  # noqa: PLC0415
        AssumeRoleCredentialFetcher,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415

    own = core.get_credentials()
    if own is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": ROLE_SESSION}
    if access.external_id:
        extra["ExternalId"] = access.external_id
    endpoint = os.environ.get("AWS_ENDPOINT_URL_STS") or access.endpoint_url
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(core.create_client, region_name=region, endpoint_url=endpoint),
        source_credentials=own,
        role_arn=access.role_arn,
        extra_args=extra,
    )
    core._credentials = DeferredRefreshableCredentials(  # noqa: SLF001 - has no public setter
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
