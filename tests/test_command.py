"""The command line: what a person or Meltano types."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from docs import generate
from tap_eventexport.sandbox import envfile

if TYPE_CHECKING:
    from tap_eventexport.sandbox.server import Sandbox
    from tests.singer import Tap

BOOKMARK = "2026-03-04T00:00:00.000Z"  # of a run that is complete
CRASHING = """
import atexit, os, signal
atexit.register(os.kill, os.getpid(), signal.SIGSEGV)
from tap_eventexport.command import main
main()
"""
SNAPSHOTS = Path(__file__).with_name("snapshots")


def catalog_of(tap: Tap, **settings: Any) -> dict[str, Any]:
    """What discovery prints, but for the streams that the command leaves out."""
    catalog: dict[str, Any] = json.loads("\n".join(tap.run("--discover", **settings).lines))
    catalog["streams"] = [
        stream for stream in catalog["streams"] if stream["tap_stream_id"] not in tap.without
    ]
    return catalog


def select(catalog: dict[str, Any], name: str, *, selected: bool) -> None:
    """Select or deselect a property of croct_events, as `meltano select` does."""
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"] == ["properties", name]:
            entry["metadata"]["selected"] = selected


def snapshot(name: str, found: object) -> None:
    """Compare with a file that a reviewer sees; delete the file to make it anew."""
    path = SNAPSHOTS / name
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def test_the_catalog_is_what_it_was(
    tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any]
) -> None:
    tap.without = ()
    snapshot("catalog.json", catalog_of(tap, **all_settings))
    assert not sandbox.requests  # discovery asks nobody


def test_about_is_what_it_was(tap: Tap) -> None:
    about = json.loads("\n".join(tap.run("--about", "--format=json").lines))
    assert (SNAPSHOTS / "about.json").read_text() == generate.snapshot(about), "run bin/documents"


def test_test_asks_one_cheap_question(tap: Tap, sandbox: Sandbox) -> None:
    done = tap.run("--test")
    assert done.code == 0
    assert done.log_line("Croct").endswith("Croct: connection OK")
    assert {request.path for request in sandbox.requests} == {"/export/events", "/export/session"}
    assert [request.first("pageSize") for request in sandbox.requests] == ["1", "1"]
    assert not done.lines


def test_test_lists_every_vendor(tap: Tap, sandbox: Sandbox, all_settings: dict[str, Any]) -> None:
    done = tap.run("--test", **{**all_settings, "croct_api_key": "wrong"})
    assert (done.code, done.lines) == (1, [])
    said = [line.split(" | ")[3] for line in done.log.splitlines()]
    dfinery, happytalk, croct, infobip, ncp, *_ = [line for line in said if ": " in line]
    assert dfinery == "Dfinery: not configured (dfinery_api_token is not set)"
    assert happytalk == "HappyTalk: connection OK"
    assert croct.startswith("Croct: connection failed: Croct refused the key")
    assert "croct_api_key" in croct
    assert infobip == "Infobip: not configured (infobip_api_key is not set)"
    assert ncp == "Naver Cloud: connection OK"
    assert len(sandbox.requests) == 4  # one for each endpoint of those that are configured


def test_settings_from_the_environment(tap: Tap, truth: list[str]) -> None:
    environment = {
        f"TAP_EVENTEXPORT_{name.upper()}": str(value) for name, value in tap.settings.items()
    }
    environment |= {
        "TAP_EVENTEXPORT_CROCT_EVENT_TYPES": '["orderPlaced"]',
        "TAP_EVENTEXPORT_CONCURRENCY": "2",
        "TAP_EVENTEXPORT_USER_AGENT": "",
    }
    tap.settings = {}
    done = tap.run("--config=ENV", environment=environment)
    assert done.code == 0, done.log
    assert 0 < len(done.heard.keys()) < len(truth)


def test_stream_maps_from_the_environment(tap: Tap) -> None:
    maps = {"croct_events": {"userId": None}}
    environment = {
        f"TAP_EVENTEXPORT_{name.upper()}": str(value) for name, value in tap.settings.items()
    }
    tap.settings = {}
    done = tap.run(
        "--config=ENV",
        environment={**environment, "TAP_EVENTEXPORT_STREAM_MAPS": json.dumps(maps)},
    )
    assert done.heard.records["croct_events"]
    assert not any("userId" in record for record in done.heard.records["croct_events"])


def test_settings_from_a_dotenv_file(tap: Tap, truth: list[str]) -> None:
    lines = [f"TAP_EVENTEXPORT_{name.upper()}={value}" for name, value in tap.settings.items()]
    (tap.folder / ".env").write_text("\n".join(lines))
    tap.settings = {}
    assert Counter(tap.run("--config=ENV").heard.keys()) == Counter(truth)


def test_stream_maps(tap: Tap, truth: list[str]) -> None:
    done = tap.run(
        stream_maps={
            "croct_events": {
                "user": "md5(config['hash_seed'] + str(record['userId']))",
                "userId": None,
                "__filter__": "eventType == 'orderPlaced'",
            }
        },
        stream_map_config={"hash_seed": "a seed of the tests"},
    )
    heard = done.heard
    assert "one by one, because of stream_maps" in done.log
    assert {len(record["user"]) for record in heard.records["croct_events"]} == {32}
    assert "userId" not in heard.records["croct_events"][0]
    assert 0 < len(heard.keys()) < len(truth)


def test_an_alias_and_a_copy_of_a_stream(tap: Tap, truth: list[str]) -> None:
    heard = tap.read(
        stream_maps={"croct_events": {"__alias__": "events"}, "ids": {"__source__": "croct_events"}}
    )
    assert Counter(heard.keys("events")) == Counter(heard.keys("ids")) == Counter(truth)


def test_flattening(tap: Tap, truth: list[str]) -> None:
    heard = tap.read(flattening_enabled=True, flattening_max_depth=1)
    assert Counter(heard.keys()) == Counter(truth)


def test_deselected_properties_stay_out(tap: Tap, truth: list[str]) -> None:
    catalog = catalog_of(tap)
    select(catalog, "context", selected=False)
    done = tap.run(catalog=catalog)
    assert "one by one, because of deselected properties" in done.log
    heard = done.heard
    assert Counter(heard.keys()) == Counter(truth)
    assert "context" not in heard.schemas["croct_events"][0]["properties"]
    assert not any("context" in record for record in heard.records["croct_events"])


def test_a_deselected_stream_is_not_read(tap: Tap, sandbox: Sandbox) -> None:
    catalog = catalog_of(tap)
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"] == []:
            entry["metadata"]["selected"] = False
    done = tap.run(catalog=catalog)
    assert (done.code, done.lines) == (0, [])
    assert not sandbox.requests


@pytest.mark.parametrize("place", ["stream", "metadata"])
def test_full_table_replication_reads_all_and_keeps_the_state(
    tap: Tap, truth: list[str], place: str
) -> None:
    catalog = catalog_of(tap)
    (stream,) = catalog["streams"]
    if place == "stream":
        stream["replication_method"] = "FULL_TABLE"
    else:
        stream["metadata"][-1]["metadata"]["replication-method"] = "FULL_TABLE"
    state = {"bookmarks": {"croct_events": {"replication_key_value": "2026-03-03T00:00:00Z"}}}
    heard = tap.read(catalog=catalog, state=state)
    assert Counter(heard.keys()) == Counter(truth)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batch_files_hold_the_records_and_states_follow_them(
    tap: Tap, truth: list[str], compression: str
) -> None:
    heard = tap.read(
        stream_maps={"croct_events": {"context": None}},
        batch_config={
            "encoding": {"format": "jsonl", "compression": compression},
            "storage": {"root": tap.folder.as_uri(), "prefix": "batch-"},
            "batch_size": 70,
        },
    )
    records = []
    for batch in heard.batches:
        for uri in batch["manifest"]:
            data = Path(urlsplit(uri).path).read_bytes()
            text = gzip.decompress(data) if compression == "gzip" else data
            lines = text.splitlines()
            assert 0 < len(lines) <= 70
            records += [json.loads(line) for line in lines]
    assert Counter(record["id"] for record in records) == Counter(truth)
    assert not any("context" in record for record in records)
    assert len(heard.states) == len(heard.batches)
    assert heard.bookmark() == "2026-03-04T00:00:00.000Z"


def test_batches_that_cannot_be_written_fail_their_stream(tap: Tap) -> None:
    done = tap.run(
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tap.folder.as_uri(), "prefix": "no-such-folder/"},
        },
    )
    assert done.code == 1
    assert done.log_line("croct_events failed: batch_config: a file can't be written: ")
    assert "Traceback" not in done.log
    assert not done.heard.states


def test_a_whole_state_message_is_a_state(tap: Tap) -> None:
    lines = tap.run().lines
    again = tap.run(state=json.loads(lines[-1]))
    assert again.heard.keys() == []
    assert " 60 unchanged and not sent" in again.log  # the lookback alone


BAD = [
    ({"concurrency": 0}, ["concurrency: got 0, expected a whole number from 1 to 64"]),
    ({"concurrency": "many"}, ['concurrency: got "many", expected a whole number']),
    ({"croct_page_size": 1001}, ["croct_page_size: got 1001, expected a whole number from 1 to"]),
    ({"croct_event_types": "x"}, ['croct_event_types: got "x", expected a list']),
    ({"croct_event_types": [1]}, ["croct_event_types[0]: got 1, expected a text"]),
    ({"on_gap": "shrug"}, ['on_gap: got "shrug", expected one of warn, fail']),
    (
        {"lookback_minutes": -1},
        ["lookback_minutes: got -1, expected a whole number from 0 to 5256000"],
    ),
    ({"start_date": "7 days ago"}, ['start_date: got "7 days ago", expected a date']),
    ({"start_date": "2026-03-05"}, ["start_date: got", "before end_date"]),
    ({"croct_api_key": 5}, ["croct_api_key: got a value that is not shown, expected a text"]),
    ({"croct_api_key": " k"}, ["croct_api_key: got a value that is not shown"]),
    ({"croct_api_url": "http://api.croct.io"}, ["croct_api_url: got", "expected https"]),
    ({"croct_api_url": "api.croct.io"}, ["croct_api_url: got", "such as https://host"]),
    ({"croct_api_url": "https://u:p@api.croct.io"}, ["croct_api_url: expected", "without a user"]),
    ({"ncp_time_zone": "Asia/Seoul"}, ['ncp_time_zone: got "Asia/Seoul"', "a text such as +09:00"]),
    ({"ncp_access_key": "k"}, ["ncp_secret_key: not set, but Naver Cloud needs it"]),
    ({"ncp_secret_key": "k"}, ["ncp_access_key: not set, but ncp_secret_key is"]),
    ({"user_agent": "a\nb"}, ['user_agent: got "a\\nb", expected printable ASCII']),
    (
        {"batch_config": {"encoding": {"format": "parquet"}, "storage": {"root": "file:///tmp"}}},
        ['batch_config["encoding"]["format"]: got "parquet", expected one of jsonl'],
    ),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_setting_is_one_line_that_names_it(
    tap: Tap, change: dict[str, Any], words: list[str]
) -> None:
    done = tap.run(**change)
    assert (done.code, done.lines) == (1, [])
    assert "Traceback" not in done.log
    line = done.log_line(f"| {words[0]}")
    assert all(word in line for word in words), line


def test_all_bad_settings_are_named_at_once(tap: Tap) -> None:
    done = tap.run(concurrency=0, croct_page_size=0, request_timeout="x")
    assert done.log.count("ERROR") == 3


def test_a_bad_setting_of_the_environment_is_named(tap: Tap) -> None:
    done = tap.run("--config=ENV", environment={"TAP_EVENTEXPORT_CONCURRENCY": "many"})
    assert done.code == 1
    assert 'concurrency: got "many"' in done.log


@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--test"]])
def test_no_vendor_configured_lists_what_to_set(tap: Tap, arguments: list[str]) -> None:
    tap.settings = {}
    done = tap.run(*arguments)
    assert (done.code, done.lines) == (1, [])
    line = done.log_line("no vendor is configured")
    assert "croct_api_key" in line
    assert line.endswith("(as variables, in capitals after TAP_EVENTEXPORT_)")
    assert "Traceback" not in done.log


def test_settings_that_nobody_asked_for_are_told(tap: Tap) -> None:
    (tap.folder / ".env").write_text("TAP_EVENTEXPORT_CROCT_API_KEY=s3cr3t-value")
    hint = "--config: not given, so the settings in the environment and .env are not read"
    command = tap.arguments()[:1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tap.folder, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert hint in done.stderr
    assert "s3cr3t" not in done.stderr
    tap.settings = {"concurrency": 2}
    assert hint not in tap.run().log


@pytest.mark.parametrize("value", ["shema", "ALL", "5"])
def test_an_unknown_kind_of_test_is_refused(tap: Tap, sandbox: Sandbox, value: str) -> None:
    done = tap.run(f"--test={value}")
    assert done.code == 2
    assert f"'{value}' is not one of 'all', 'schema'" in done.log
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ([], "state.json holds a list, expected a JSON object"),
        ({"bookmarks": []}, "doesn't have the form"),
        ({"streams": []}, "it is a catalog, which is for --catalog"),
        ({"bookmarks": {"croct_events": "x"}}, 'the state\'s croct_events is "x", expected'),
        ({"bookmarks": {"croct_events": None}}, "the state's croct_events is null, expected"),
        (
            {"bookmarks": {"croct_events": {"replication_key_value": "0001-01-01T00:00:00Z"}}},
            'croct_events.replication_key_value is "0001-01-01T00:00:00Z", expected a date-time',
        ),
        (
            {"bookmarks": {"croct_events": {"replication_key_value": "9999-12-31T23:59:59-14:00"}}},
            'croct_events.replication_key_value is "9999-12-31T23:59:59-14:00"',
        ),
        (
            {"bookmarks": {"croct_events": {"replication_key_value": "soon"}}},
            'croct_events.replication_key_value is "soon"',
        ),
    ],
)
def test_garbage_in_state_is_named_and_nothing_is_read(
    tap: Tap, sandbox: Sandbox, state: Any, words: str
) -> None:
    done = tap.run(state=state)
    assert done.code == 1
    assert words in done.log
    assert "Traceback" not in done.log
    assert not sandbox.requests


@pytest.mark.parametrize("name", ["config", "state", "catalog"])
def test_a_file_that_is_no_json_is_named(tap: Tap, sandbox: Sandbox, name: str) -> None:
    path = tap.folder / "broken.json"
    for content, words in BROKEN:
        path.write_bytes(content)
        done = tap.run(f"--{name}", str(path))
        assert (done.code, done.lines) == (1, [])
        assert words in done.log_line(f"| --{name}: {path}")
        assert "Traceback" not in done.log
    missing = tap.run(f"--{name}", str(path.with_name("missing.json")))
    assert missing.code == 1
    assert missing.log_line(f"| --{name}: there is no file {tap.folder}/missing.json")
    assert not sandbox.requests


BROKEN = [
    (b"{half", "line 1, column 2"),
    (b'{"a": 1,}', "an extra comma"),
    ("{}".encode("utf-16"), "is UTF-16, as PowerShell's > writes it"),
    (b"[" * 100_000, "nested too deeply"),
    (b"null", "holds null, expected a JSON object"),
]


def test_all_files_of_settings_that_cannot_be_read_are_named(tap: Tap) -> None:
    (tap.folder / "settings.yml").write_text("concurrency: 4\n")
    names = ["missing.json", ".", "settings.yml"]
    done = tap.run(*(f"--config={name}" for name in names))
    assert (done.code, done.log.count("ERROR")) == (1, 3)
    assert done.log_line("| --config: there is no file missing.json")
    assert done.log_line("| --config: . is a folder, expected a file")
    assert "it looks like YAML" in done.log_line("| --config: settings.yml")


def test_files_with_a_byte_order_mark_are_read(tap: Tap) -> None:
    state = {"bookmarks": {"croct_events": {"replication_key_value": "2026-03-03T23:00:00Z"}}}
    for name, value in {"config": tap.settings, "state": state, "catalog": catalog_of(tap)}.items():
        (tap.folder / f"{name}.marked").write_text(json.dumps(value), "utf-8-sig")
    tap.settings = {}
    done = tap.run(*(f"--{name}={name}.marked" for name in ("config", "state", "catalog")))
    assert done.code == 0, done.log
    assert 0 < len(done.heard.keys()) <= 80  # seven hours: the last one, and the lookback


def test_an_empty_state_is_none_and_told(tap: Tap, truth: list[str]) -> None:
    (tap.folder / "state.json").write_text("\n")
    done = tap.run("--state", "state.json")
    assert "all is read from start_date" in done.log_line("WARNING")
    assert Counter(done.heard.keys()) == Counter(truth)


def test_of_several_states_the_last_is_asked_for(tap: Tap, sandbox: Sandbox) -> None:
    (tap.folder / "states.jsonl").write_text('{"bookmarks": {}}\n' * 3)
    done = tap.run("--state", "states.jsonl")
    assert (done.code, sandbox.requests) == (1, [])
    assert "the second at line 2, column 1; of several states keep the last" in done.log


def test_all_that_is_wrong_is_told_in_one_run(tap: Tap, sandbox: Sandbox) -> None:
    """Wrong in itself, wrong together, misspelt: in a file and in the environment."""
    environment = {
        "TAP_EVENTEXPORT_CROCT_APIKEY": "s3cr3t-value",
        "TAP_EVENTEXPORT_FLATTENING_ENABLED": "maybe",
        "TAP_EVENTEXPORT_NCP_ACCESS_KEY": "your-ncp-access-key",
        "TAP_EVENTEXPORT_HAPPYTALK_TOKEN": "s3cr3t-value ",
        "TAP_EVENTEXPORT_STREAM_MAP_CONFIG": '{"hash_seed": "s3cr3t-value"',
        "TAP_EVENTEXPORT__LOAD_SCHEMA": "x",
    }
    done = tap.run(
        "--config=ENV",
        environment=environment,
        start_date="9999-12-31T23:59:59-14:00",
        lookback_minutes=10**12,
        croct_page_sise=5,
        croct_event_types=["orderplaced", ""],
        dfinery_timezone="Asia",
        batch_config={"batch_size": 0, "storage": {"root": "foo://bucket"}},
    )
    assert (done.code, done.lines, sandbox.requests) == (1, [], [])
    assert "Traceback" not in done.log
    assert "s3cr3t" not in done.log
    said = [line.split(" | ")[3] for line in done.log.splitlines() if "ERROR" in line]
    assert [line.partition(": ")[0] for line in said] == [
        "start_date",
        "lookback_minutes",
        "dfinery_timezone",
        "happytalk_token",
        "croct_event_types[1]",
        "ncp_access_key",
        "ncp_secret_key",
        "stream_map_config",
        "flattening_enabled",
        'batch_config["batch_size"]',
        "batch_config",
        'batch_config["storage"]["root"]',
    ]
    warned = [line for line in done.log.splitlines() if "WARNING" in line]
    assert len(warned) == 3
    assert "croct_page_sise: unknown, so it has no effect; did you mean croct_page_" in warned[0]
    assert "did you mean TAP_EVENTEXPORT_CROCT_API_KEY?" in warned[1]
    assert "did you mean orderPlaced?" in warned[2]


def test_whole_numbers_may_have_a_point(tap: Tap, truth: list[str]) -> None:
    (tap.folder / "more.json").write_text('{"concurrency": 2.0, "croct_page_size": 4.0e1}')
    done = tap.run("--config=more.json")
    assert done.code == 0, done.log
    assert Counter(done.heard.keys()) == Counter(truth)


def test_what_others_left_in_the_state_is_kept(tap: Tap) -> None:
    others = {
        "ncp_apigateway_events": {"replication_key_value": "2026-01-01T00:00:00.000Z"},
        "of_another_tap": {"replication_key_value": "5", "partitions": [{"context": {"a": 1.10}}]},
    }
    heard = tap.read(state={"bookmarks": others})
    assert {name: heard.states[-1]["bookmarks"][name] for name in others} == others


def test_the_form_of_others_bookmarks_is_their_own(tap: Tap) -> None:
    others: dict[str, Any] = {"old": "2026-01-01", "empty": {}, "none": None}
    state = {"bookmarks": others, "currently_syncing": None}
    lines = tap.run("--state", written(tap, state)).lines
    last = json.loads(lines[-1])["value"]
    assert last["bookmarks"].pop("croct_events")["replication_key_value"] == BOOKMARK
    assert last == state


def written(tap: Tap, state: dict[str, Any]) -> str:
    path = tap.folder / "others.json"
    path.write_text(json.dumps(state))
    return str(path)


def test_a_bookmark_behind_the_end_date_is_told(tap: Tap, sandbox: Sandbox) -> None:
    state = {"bookmarks": {"croct_events": {"replication_key_value": "2026-03-09T00:00:00Z"}}}
    done = tap.run(state=state)
    assert (done.code, sandbox.requests) == (0, [])
    line = done.log_line(
        "croct_events: the bookmark 2026-03-09T00:00:00.000Z is not before end_date "
        "2026-03-04T00:00:00.000Z: nothing is read"
    )
    assert "WARNING" in line


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_of_secrets_that_others_can_read_is_told(
    tap: Tap, mode: int, *, is_told: bool
) -> None:
    file = tap.folder / ".env"
    envfile.write(file, {name: f"{value}" for name, value in tap.settings.items()})
    file.chmod(mode)
    tap.settings = {}
    done = tap.run("--config=ENV", "--test")
    assert done.code == 0
    assert ("others on this machine; chmod 600 keeps it yours" in done.log) == is_told
    assert "others on this machine" not in tap.run("--config=ENV").log


def test_what_stands_in_the_example_is_told_and_not_sent(tap: Tap, sandbox: Sandbox) -> None:
    example = SNAPSHOTS.parents[1] / ".secrets.example"
    (tap.folder / ".env").write_text(example.read_text())
    tap.settings = {}
    done = tap.run("--config=ENV", "--test")
    assert done.code == 1
    told = [line.split(" | ")[3] for line in done.log.splitlines() if "ERROR" in line]
    variables = re.findall(r"^TAP_EVENTEXPORT_(\w+)=", example.read_text(), re.MULTILINE)
    assert [line.partition(": ")[0] for line in told] == [name.lower() for name in variables]
    assert {line.partition(": ")[2] for line in told} == {
        "still has the placeholder of .secrets.example; replace it, or remove the line"
    }
    assert sandbox.requests == []


def test_a_library_that_would_crash_while_python_ends_does_no_harm(tap: Tap) -> None:
    expected = tap.read().records
    tap.command = [sys.executable, "-c", CRASHING]
    assert tap.read().records == expected
    assert tap.run(croct_api_key="wrong").code == 1
