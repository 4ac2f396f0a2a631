from __future__ import annotations

from importlib import resources

import pendulum
import pytest
from pendulum import Timezone

from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.zone import checked_zone, machine_zone


def nameless() -> Timezone:
    with resources.files("tzdata.zoneinfo.Asia").joinpath("Seoul").open("rb") as file:
        return Timezone.from_file(file)


@pytest.mark.parametrize("name", ["Asia/Seoul", "America/Sao_Paulo", "UTC"])
def test_a_zone_is_taken_by_its_name(name: str) -> None:
    assert checked_zone(name) == name
    with pendulum.test_local_timezone(pendulum.timezone(name)):
        assert machine_zone() == name


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("Asia/Soul", "Asia/Seoul"),
        ("asia/seoul", "Asia/Seoul"),
        ("Seoul", "Asia/Seoul"),
        ("Europe/berlin ", "Europe/Berlin"),
        ("America/Sao Paulo", "America/Sao_Paulo"),
    ],
)
def test_a_misspelt_zone_is_told_with_the_nearest_name(misspelt: str, meant: str) -> None:
    with pytest.raises(ReportError, match=f"did you mean {meant}\\?"):
        checked_zone(misspelt)


@pytest.mark.parametrize(
    "name",
    ["", "+09:00", "Korea Standard Time", "../Asia/Seoul", "/etc/passwd", "a\nb", "x" * 10_000],
)
def test_what_is_like_no_zone_is_told_what_is_expected(name: str) -> None:
    with pytest.raises(ReportError, match="expected an IANA name such as Asia/Seoul") as raised:
        checked_zone(name)
    assert len(str(raised.value)) < 250
    assert "\n" not in str(raised.value)


def test_a_machine_whose_zone_is_configured_without_a_name_has_none() -> None:
    with pendulum.test_local_timezone(nameless()):
        assert machine_zone() is None


def test_a_machine_whose_zone_is_configured_wrongly_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pendulum, "now", lambda: pendulum.timezone("Nowhere/Else"))
    assert machine_zone() is None
