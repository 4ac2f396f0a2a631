"""Settings that can't be right are told, all of them at once, and no secret with them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_eventexport import checks
from tap_eventexport.tap import TapEventExport
from tap_eventexport.vendors import infobip

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = TapEventExport.config_jsonschema
TapEventExport.append_builtin_config(SCHEMA)
NOW = datetime(2026, 3, 10, tzinfo=UTC)
CROCT = {"croct_api_key": "a-croct-key"}
FILES = {"encoding": {"format": "jsonl"}, "storage": {"root": gettempdir()}}
ROLE = "arn:aws:iam::123456789012:role/export"
INFOBIP = {
    "infobip_api_key": "an-infobip-key",
    "infobip_api_url": "x1.api.infobip.com",
    "infobip_export_role_arn": ROLE,
    "infobip_s3_bucket": "exports",
    "infobip_s3_region": "eu-central-1",
}


ALL = {
    **CROCT,
    **INFOBIP,
    "dfinery_api_token": "a-dfinery-token",
    "dfinery_service_id": "a-service",
    "ncp_access_key": "an-access-key",
    "ncp_secret_key": "a-secret-key",
}


def problems(**settings: Any) -> list[str]:
    config = checks.prepared(settings, SCHEMA)
    errors = list(JSONSchemaValidator(SCHEMA).iter_errors(config))
    return checks.problems(errors, config, SCHEMA, NOW)


def of_all(**settings: Any) -> list[str]:
    return problems(**{**ALL, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"concurrency": 64, "lookback_minutes": 0, "settle_minutes": 5_256_000},
        {"concurrency": 4.0, "request_timeout": Decimal("60.0")},
        {"start_date": "1970-01-01", "end_date": "9998-12-31"},
        {"start_date": "2026-03-10T14:00:00Z"},  # today's date, in a zone that is ahead
        {"start_date": "2026-03-01 00:00:00+09", "end_date": "2026-03-01T00:00:00+09:00"},
        {"start_date": "", "end_date": None},
        {"dfinery_timezone": "America/Argentina/Buenos_Aires"},
        {"croct_event_types": ["orderPlaced", "이벤트"], "user_agent": "me/1.0 (a@b.c)"},
        {"croct_api_url": "http://[::1]:8080", "ncp_api_url": "https://gov.example/api/v1"},
        {"croct_api_url": "https://한국.example"},
        {"croct_api_url": "http://localhost:8080"},
        {"flattening_enabled": True, "flattening_max_depth": 0},
        {"flattening_enabled": False},
        {"batch_config": {**FILES, "batch_size": 1}},
        {
            "batch_config": {
                **FILES,
                "storage": {"root": "new/folder", "prefix": ""},
            }
        },
        {"batch_config": {**FILES, "storage": {"root": "memory://files"}}},
        INFOBIP,
        {**INFOBIP, "infobip_s3_region": "US_GOV_WEST_1"},
        {**INFOBIP, "infobip_s3_region": "garage", "aws_endpoint_url": "https://s3.example"},
        {"stream_maps": {"croct_events": {"userId": None, "new": "1"}}, "stream_map_config": {}},
        {"faker_config": {"seed": 1}},
    ],
    ids=str,
)
def test_what_is_right(settings: dict[str, Any]) -> None:
    assert of_all(**settings) == []


DATE = "expected a date or date-time such as 2026-03-01"
TEXT = "expected a text without line breaks"
ADDRESS = "expected an address such as https://host"
BAD: list[tuple[str, Any, str]] = [
    # numbers
    ("concurrency", True, "concurrency: got true, expected a whole number from 1 to 64"),
    ("concurrency", "4", 'concurrency: got "4", expected a whole number from 1 to 64'),
    ("concurrency", 4.5, "concurrency: got 4.5, expected a whole number"),
    ("concurrency", {"a": 1}, "concurrency: got an object, expected a whole number"),
    ("concurrency", Decimal("4.5"), "concurrency: got 4.5, expected a whole number"),
    ("concurrency", float("nan"), "concurrency: got NaN, expected a whole number"),
    (
        "lookback_minutes",
        10**12,
        "lookback_minutes: got 1000000000000, expected a whole",
    ),
    (
        "settle_minutes",
        Decimal("1E+20"),
        "settle_minutes: got 1e.20, expected a whole",
    ),
    (
        "request_timeout",
        10**9,
        "request_timeout: got 1000000000, expected a whole",
    ),
    ("request_timeout", 0, "request_timeout: got 0, expected a whole number from 1 to"),
    ("max_retry_wait", -1, "max_retry_wait: got -1, expected a whole number from 0 to 2592000"),
    ("max_retry_wait", 10**400, "max_retry_wait: got 1000"),
    (
        "ncp_page_size",
        2**62,
        "ncp_page_size: got 4611686018427387904, expected",
    ),
    # dates
    ("start_date", 20260301, f"start_date: got 20260301, {DATE}"),
    ("start_date", True, f"start_date: got true, {DATE}"),
    ("start_date", "1772323200000", f'start_date: got "1772323200000", {DATE}'),
    ("start_date", "0001-01-01", f'start_date: got "0001-01-01", {DATE}'),
    ("start_date", "1969-12-31T23:59:59Z", f'start_date: got "1969-12-31T23:59:59Z", {DATE}'),
    (
        "start_date",
        "2026-03-01T00:00:00+24:30",
        f"start_date: got .*, {DATE}",
    ),
    ("start_date", "2026-03-01\n", rf'start_date: got "2026-03-01\\n", {DATE}'),
    (
        "start_date",
        "2026-03-10T14:00:01Z",
        "expected a date in the past; it is 2026-03-10T00:00:00.000Z now",
    ),
    ("end_date", "9999-12-31T23:59:59-14:00", f'end_date: got "9999-12-31T23:59:59-14:00", {DATE}'),
    ("end_date", "1960-01-01", f'end_date: got "1960-01-01", {DATE}.*, from 1970 to 9998'),
    # names of one set
    ("on_gap", "WARN", 'on_gap: got "WARN", expected one of warn, fail; did you mean warn'),
    (
        "dfinery_properties_condition_type",
        "inclde",
        "include, exclude; did you mean include",
    ),
    (
        "dfinery_timezone",
        "Asia",
        'got "Asia", expected an IANA name such as Asia/Seoul$',
    ),
    ("dfinery_timezone", "asia/seoul", "did you mean Asia/Seoul"),
    ("dfinery_timezone", "../../etc/passwd", "expected an IANA name"),
    ("dfinery_timezone", "/usr/share/zoneinfo/Asia/Seoul", "expected an IANA name"),
    ("dfinery_timezone", "posixrules", "expected an IANA name"),
    ("ncp_time_zone", "+0٩:00", "ncp_time_zone: got .*, expected a text such as"),
    ("ncp_time_zone", "+09:00\n", f"ncp_time_zone: got .*, {TEXT}"),
    # texts
    ("croct_event_types", [""], rf'croct_event_types\[0\]: got "", {TEXT}'),
    ("croct_event_types", ["a", "b\0"], rf'croct_event_types\[1\]: got "b\\u0000", {TEXT}'),
    ("croct_event_types", [" a"], rf'croct_event_types\[0\]: got " a", {TEXT}'),
    ("croct_event_types", [None], r"croct_event_types\[0\]: got null, expected a text"),
    ("dfinery_service_id", "a\u202eb", f"dfinery_service_id: got .*, {TEXT}"),
    ("infobip_s3_directory", "a/\n", f"infobip_s3_directory: got .*, {TEXT}"),
    ("user_agent", "한", 'user_agent: got "한", expected printable ASCII'),
    (
        "dfinery_property_types",
        {"a": "text"},
        'types."a".: got "text", expected one of string',
    ),
    # addresses
    (
        "croct_api_url",
        "https://api.croct.io\n",
        rf'got "https://api.croct.io\\n", {ADDRESS}',
    ),
    ("croct_api_url", "https://api.croct.io /x", f"croct_api_url: got .*, {ADDRESS}"),
    ("croct_api_url", "https://api.croct.io#a-fragment", f'got "https://api.croct.io", {ADDRESS}'),
    ("croct_api_url", "https://api..io", f"croct_api_url: got .*, {ADDRESS}"),
    ("croct_api_url", "https://api.croct.io:0x50", f"croct_api_url: got .*, {ADDRESS}"),
    ("croct_api_url", "https://api.croct.io:", f"croct_api_url: got .*, {ADDRESS}"),
    ("croct_api_url", "https:\\\\api.croct.io", f"croct_api_url: got .*, {ADDRESS}"),
    ("croct_api_url", "https://[::1", f"croct_api_url: got .*, {ADDRESS}"),
    (
        "croct_api_url",
        "http://192.168.0.1",
        "expected https: credentials are not sent",
    ),
    ("infobip_api_url", "http:/x", "infobip_api_url: got "),
    (
        "infobip_s3_region",
        "moon",
        'got "moon", expected a region such as eu-central-1',
    ),
    ("infobip_s3_region", "eu-central", "infobip_s3_region: got "),
    # what the SDK adds
    ("flattening_enabled", "maybe", 'flattening_enabled: got "maybe", expected true or false'),
    ("flattening_enabled", True, "flattening_max_depth: not set, but flattening_enabled needs it"),
    (
        "flattening_max_depth",
        -1,
        "got -1, expected a whole number from 0 to 100",
    ),
    ("flattening_separator", "\0", "flattening_separator: got "),
    ("stream_maps", {"croct_events": 5}, 'expected "__NULL__" or null or an object'),
    ("stream_maps", "{", "stream_maps: got a text that is not a JSON object, expected an object"),
    ("faker_config", [], r"faker_config: got \[\], expected an object"),
    ("batch_config", [], r"batch_config: got \[\], expected an object"),
    ("batch_config", {}, "batch_config: expected encoding and storage in it"),
    (
        "batch_config",
        {**FILES, "batch_size": 0},
        r'batch_config\["batch_size"\]: got 0, expected',
    ),
    ("batch_config", {**FILES, "batch_size": -7}, r"batch_config\[\"batch_size\"\]: got -7"),
    ("batch_config", {**FILES, "batch_size": "many"}, r'batch_config\["batch_size"\]: got "many"'),
    ("batch_config", {**FILES, "batch_size": True}, r"batch_config\[\"batch_size\"\]: got true"),
    (
        "batch_config",
        {**FILES, "storage": None},
        r'batch_config\["storage"\]: got null',
    ),
    ("batch_config", {**FILES, "storage": {}}, r"batch_config\[\"storage\"\]: expected root in it"),
    (
        "batch_config",
        {**FILES, "encoding": {}},
        r'config\["encoding"\]: expected format in it',
    ),
    (
        "batch_config",
        {**FILES, "storage": {"root": gettempdir(), "prefix": "a\nb", "params": {}}},
        rf'batch_config\["storage"\]\["prefix"\]: got "a\\nb", {TEXT}',
    ),
    (
        "batch_config",
        {**FILES, "encoding": {"format": "jsonl", "compression": "zip"}},
        r'batch_config\["encoding"\]\["compression"\]: got "zip", expected one of gzip, none',
    ),
    (
        "batch_config",
        {**FILES, "batchsize": 5},
        r'\["batchsize"\]: unknown; did you mean ba',
    ),
]


@pytest.mark.parametrize(
    ("name", "value", "line"), BAD, ids=[f"{row[0]}-{number}" for number, row in enumerate(BAD)]
)
def test_what_is_wrong_is_one_line(name: str, value: Any, line: str) -> None:
    (found,) = of_all(**{name: value})
    assert re.search(line, found), found


def test_all_is_told_in_one_round_in_the_order_of_the_settings() -> None:
    found = problems(
        concurrency=0,
        start_date="2026-03-05",
        end_date="2026-03-04",
        on_gap="shrug",
        croct_page_size=0,
        croct_event_types=["a", 5, "", None],
        dfinery_service_id="a-service",
        dfinery_timezone="Mars",
        infobip_s3_bucket="your-bucket",
        infobip_mode="FILES",
        aws_session_token=" ",  # noqa: S106 - no password
        ncp_access_key="a\nkey",
        flattening_enabled=True,
        batch_config={
            "batch_size": 0,
            "encoding": {"format": "csv"},
            "storage": {"root": "xx://y"},
        },
    )
    assert [line.partition(":")[0] for line in found] == [
        "start_date",
        "concurrency",
        "on_gap",
        "dfinery_api_token",
        "dfinery_timezone",
        "croct_event_types[1]",
        "croct_event_types[3]",
        "croct_event_types[2]",
        "croct_page_size",
        "infobip_s3_bucket",
        "infobip_mode",
        "aws_access_key_id",
        "aws_session_token",
        "ncp_access_key",
        "ncp_secret_key",
        "flattening_max_depth",
        'batch_config["encoding"]["format"]',
        'batch_config["batch_size"]',
        'batch_config["storage"]["root"]',
    ]


def test_a_wrong_credential_is_a_credential() -> None:
    assert problems(croct_api_key=5) == [
        "croct_api_key: got a value that is not shown, expected a text"
    ]
    wrong, missing = problems(ncp_access_key=["a"])
    assert missing == "ncp_secret_key: not set, but Naver Cloud needs it beside ncp_access_key"
    assert wrong.startswith("ncp_access_key: got a value")


def test_no_vendor_configured_says_what_each_needs() -> None:
    (line,) = problems()
    assert "no vendor is configured; set what one of them needs: Dfinery: dfinery_api_token" in line


def test_many_wrong_values_are_counted() -> None:
    lines = of_all(croct_event_types=[5] * 1_000 + [""] * 1_000)
    assert len(lines) == 5 + 1 + 5
    assert "croct_event_types: 995 more of its values are wrong" in lines


@pytest.mark.parametrize(
    "secret", ["s3cr3t-value\n", "s3cr3t-valué", ["s3cr3t-value"], {"s": "s3cr3t-value"}]
)
def test_no_secret_is_shown(secret: Any) -> None:
    names = [name for name, setting in SCHEMA["properties"].items() if setting.get("secret")]
    lines = of_all(
        **dict.fromkeys(names, secret),
        croct_api_url="https://me:s3cr3t-value@host",
        ncp_api_url="me:s3cr3t-value@host",
        happytalk_api_url="https://host/?token=s3cr3t-value",
        dfinery_api_url="https://host#s3cr3t-value",
        aws_endpoint_url="https://s3cr3t-value@[x",
        stream_map_config='{"hash_seed": "s3cr3t-value"',
        batch_config={
            "encoding": {"format": "jsonl"},
            "storage": {"root": "s4://me:s3cr3t-value@b", "params": "s3cr3t-value"},
        },
    )
    assert len(lines) >= len(names) + 8
    assert "s3cr3t" not in "".join(lines)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("croct_api_key", "your-croct-api-key"),
        ("happytalk_token", "your-happytalk-token"),
        ("aws_session_token", "your-session-token"),
        ("dfinery_service_id", "your-dfinery-service-id"),
        ("infobip_api_url", "xxxxx.api.infobip.com"),
        ("infobip_api_url", " https://xxxxx.api.infobip.com/"),
        ("infobip_s3_bucket", "your-bucket"),
        ("infobip_s3_region", "your-region"),
        ("infobip_export_role_arn", "arn:aws:iam::000000000000:role/your-export-role"),
    ],
)
def test_a_value_of_the_example_is_none(name: str, value: str) -> None:
    lines = [line for line in of_all(**{name: value}) if line.startswith(f"{name}:")]
    assert lines == [
        f"{name}: still has the placeholder of .secrets.example; replace it, or remove the line"
    ]


def test_the_bucket_may_have_any_other_name() -> None:
    assert of_all(infobip_s3_bucket="your-events") == []


def test_files_are_written_only_where_they_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file")
    (found,) = of_root(tmp_path / "taken/deeper")
    assert found.endswith("taken is not a folder")
    assert of_root(tmp_path / "to/be/made") == of_root((tmp_path / "to").as_uri()) == []
    monkeypatch.setattr("os.access", lambda *_: False)
    (found,) = of_root(tmp_path / "to")
    assert found.endswith(f"but {tmp_path} can't be written")


@pytest.mark.parametrize("root", ["foo://bucket", "s4://me@bucket", "a\0b", ""])
def test_an_address_that_nothing_knows(root: str) -> None:
    (found,) = of_root(root)
    assert found.startswith('batch_config["storage"]["root"]: got ')


def of_root(root: object) -> list[str]:
    storage = {"root": str(root)}
    return of_all(batch_config={**FILES, "storage": storage})


def test_the_extra_for_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infobip, "find_spec", lambda _name: None)
    (line,) = of_all()
    assert "reading S3 needs boto3, which is not installed" in line
    assert problems(**CROCT) == []


def test_faker_is_asked_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faker.py").write_text(FAKER)
    monkeypatch.syspath_prepend(tmp_path)
    assert of_all(faker_config={"seed": 5, "locale": "ko_KR"}) == []
    (line,) = of_all(faker_config={"locale": "xx_XX"})
    assert line == "faker_config: Faker can't use it: no locale xx_XX"


PAIR = "aws_access_key_id and aws_secret_access_key belong together"
FAKER = """
class Faker:
    def __init__(self, locale):
        if locale == "xx_XX":
            raise AttributeError(f"no locale {locale}")
    @classmethod
    def seed(cls, seed):
        pass
"""


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"dfinery_event_names_condition_type": "exclude"},
            "dfinery_event_names: got an empty list, expected names to exclude",
        ),
        (
            {"infobip_definition_ids": ["a", "a"]},
            "infobip_definition_ids: expected at most 200 names, each once",
        ),
        ({"aws_access_key_id": "a"}, f"aws_secret_access_key: not set, but {PAIR}"),
        (
            {"aws_external_id": "an-id"},
            "aws_role_arn: not set, but aws_external_id is, which belongs to it",
        ),
    ],
)
def test_what_belongs_together(settings: dict[str, Any], line: str) -> None:
    assert of_all(**settings) == [line]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "croct_apikey",
            "x",
            "croct_apikey: unknown, so it has no effect; did you mean croct_api_key?",
        ),
        (
            "Croct-API-Key",
            "x",
            "has no effect; did you mean croct_api_key?",
        ),
        ("lookback", 5, "lookback: unknown, so it has no effect; did you mean lookback_minutes?"),
        ("TAP_EVENTEXPORT_CROCT_APIKEY", None, "did you mean TAP_EVENTEXPORT_CROCT_API_KEY?"),
        ("TAP_EVENTEXPRT_CROCT_API_KEY", None, "did you mean TAP_EVENTEXPORT_CROCT_API_KEY?"),
        ("TAP_EVENTEXPORT_CROCT_API_KYE", None, "did you mean TAP_EVENTEXPORT_CROCT_API_KEY?"),
        ("tap_eventexport_start_date", None, "did you mean TAP_EVENTEXPORT_START_DATE?"),
        ("TAP_EVENTEXPORT_START_DATE", "x", "did you mean start_date?"),
        ("zzz", "x", "zzz: unknown, so it has no effect"),
        ("a\nb", "x", r"'a\nb': unknown, so it has no effect"),
        ("q" * 10**6, "x", "unknown, so it has no effect"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, value: object, line: str) -> None:
    found = list(checks.unknown_settings({**CROCT, name: value}, SCHEMA, "TAP_EVENTEXPORT_"))
    assert len(found) == 1
    assert found[0].endswith(line)
    assert len(found[0]) < 300


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("croct_event_types", "orderplaced", "Croct documents, .*; did you mean orderPlaced"),
        ("croct_event_types", "이벤트", "이벤트 is none of .* as it is$"),
        ("ncp_event_levels", "alarm", "Naver Cloud documents, .*; did you mean ALARM"),
        ("ncp_event_types", "EU401", "did you mean EU4"),
    ],
)
def test_a_value_that_the_vendor_does_not_document_is_told(
    name: str, value: str, hint: str
) -> None:
    (line,) = checks.undocumented_values({name: [value, value]})
    assert re.search(hint, line)


@pytest.mark.parametrize("value", [["orderPlaced"], [], None, "x", [5], [""], [" a"], ["b\0"]])
def test_no_value_is_told_that_is_documented_or_wrong_anyway(value: Any) -> None:
    assert list(checks.undocumented_values({"croct_event_types": value})) == []


def test_secrets_are_known_whatever_their_type() -> None:
    config = {**CROCT, "ncp_secret_key": 12345, "aws_session_token": None, "user_agent": "me"}
    assert checks.secrets(config, SCHEMA) == ["a-croct-key", "12345"]


def test_settings_are_prepared() -> None:
    given = {
        "user_agent": "",
        "end_date": None,
        "concurrency": 4.0,
        "request_timeout": Decimal("1E+1"),
        "batch_config": {"batch_size": Decimal("70.0")},
        "stream_map_config": {"rate": 4.0},
        "infobip_api_url": "x1.api.infobip.com",
        "unknown": 5.0,
    }
    made = checks.prepared(given, SCHEMA)
    assert made == {
        "concurrency": 4,
        "request_timeout": 10,
        "batch_config": {"batch_size": 70},
        "stream_map_config": {"rate": 4.0},
        "infobip_api_url": "https://x1.api.infobip.com",
        "unknown": 5.0,
    }
    assert type(made["concurrency"]) is type(made["batch_config"]["batch_size"]) is int
    assert type(made["stream_map_config"]["rate"]) is float


def test_a_type_that_breaks_the_keys_is_refused() -> None:
    (line,) = of_all(dfinery_property_types={"df_server_datetime": "string"})
    assert "the stream's keys and bookmarks need it" in line
