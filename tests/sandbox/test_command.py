"""The command that serves the vendors for somebody who tries the tap by hand."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tap_eventexport.sandbox import envfile
from tests.singer import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "tap-eventexport-sandbox"
COMMAND = str(Path(sys.executable).with_name(NAME))
WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # so it can't be imported
from tap_eventexport.sandbox.command import main
main()
"""
SOON = 10.0  # seconds; far longer than it takes, for a busy machine


def free_ports() -> tuple[int, int]:
    """Two ports that nobody uses, one after the other."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port, port + 1


def refused(*arguments: str, folder: Path, code: str = "", without: str = "") -> str:
    """What the command says that doesn't start."""
    command = [sys.executable, "-c", code, without] if code else [COMMAND]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{NAME}: ")
    return line


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once it has said where the vendors are; ended by SIGTERM."""
    with subprocess.Popen(
        [COMMAND, "--per-day", "50", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("The vendors answer at http://127.0.0.1:")
            yield process
        finally:
            process.terminate()
            process.wait(SOON)


@pytest.mark.parametrize("without", ["moto", "flask", "boto3", "flask_cors,moto"])
def test_without_the_extra_a_line_says_what_to_install(tmp_path: Path, without: str) -> None:
    line = refused(folder=tmp_path, code=WITHOUT, without=without)
    assert line.endswith("not installed: pip install 'tap-eventexport[sandbox]'")
    assert all(name in line for name in without.split(","))


def test_a_port_that_is_taken_is_named_at_once(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        line = refused("--port", taken, "--s3-port", "0", folder=tmp_path)
        assert f"port {taken} can't be used" in line
        assert "choose another with --port" in line
        line = refused("--port", "0", "--s3-port", taken, "--env", ".env", folder=tmp_path)
        assert f"port {taken} can't be used" in line
        assert "choose another with --s3-port" in line
    assert not [*tmp_path.iterdir()]


def test_a_file_of_settings_works_again_after_each_start(tmp_path: Path) -> None:
    port, s3_port = free_ports()
    ports = ("--port", str(port), "--env", ".env")
    file = tmp_path / ".env"
    written = []
    for _ in range(2):
        with started(tmp_path, *ports):
            written.append(file.read_text())
            assert file.stat().st_mode & 0o777 == 0o600
            done = Tap(tmp_path).run("--config=ENV", "--test")
            assert done.code == 0, done.log
    assert written[0] == written[1]
    assert f"TAP_EVENTEXPORT_AWS_ENDPOINT_URL=http://127.0.0.1:{s3_port}\n" in written[0]
    assert [each.name for each in tmp_path.glob(".env*")] == [".env"]


def test_what_it_prints_reads_a_file_of_any_name(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0", "--env", "my sandbox.env") as process:
        assert process.stdout
        printed = iter(process.stdout.readline, "  tap-eventexport --config=ENV\n")
        (line,) = [line for line in printed if line.startswith("  ")]
        command = f"{line}exec '{Path(COMMAND).parent}/tap-eventexport' --config=ENV --test"
        subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True, timeout=SOON * 10)


@pytest.mark.parametrize("content", ["TAP_EVENTEXPORT_CROCT_API_KEY=mine\n", "", "\xff"])
def test_somebody_elses_file_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    file = tmp_path / ".env"
    file.write_text(content, encoding="latin-1")
    line = refused("--port", "0", "--env", ".env", folder=tmp_path)
    assert ".env was not made by" in line
    assert file.read_text(encoding="latin-1") == content


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    assert "there/.env can't be written" in refused(
        "--port", "0", "--env", "there/.env", folder=tmp_path
    )
    assert "can't be written" in refused("--port", "0", "--env", str(tmp_path), folder=tmp_path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    envfile.write(file, {"croct_api_key": "one"})
    file.chmod(0o644)
    envfile.write(file, {"croct_api_key": "two"})
    assert file.read_text() == (
        f"{envfile.MARK}TAP_EVENTEXPORT_CROCT_API_KEY=two\n{envfile.LOADER}"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError):
        envfile.write(file, {"croct_api_key": "three", "croct_api_url": "\ud800"})
    assert "two" in file.read_text()
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_of_it_is_left(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path, "--port", "0") as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        assert process.wait(SOON) == (-number if number == signal.SIGKILL else 0)
        assert psutil.wait_procs(children, SOON)[1] == []


def test_it_ends_while_it_starts(tmp_path: Path) -> None:
    with subprocess.Popen([COMMAND, "--port", "0"], cwd=tmp_path) as process:
        itself = psutil.Process(process.pid)
        while not (children := itself.children()):
            assert process.poll() is None
        process.terminate()
        assert process.wait(SOON) == 0
        assert psutil.wait_procs(children, SOON)[1] == []
