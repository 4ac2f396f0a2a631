from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pendulum
import pytest
from pendulum import Timezone

from tap_eventexport.report.errors import ReportError
from tap_eventexport.report.zone import zone_name

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def of_machine(zone: Timezone) -> AbstractContextManager[None]:
    return pendulum.test_local_timezone(zone)


def test_a_zone_that_is_asked_for_is_taken() -> None:
    with of_machine(pendulum.timezone("Europe/Berlin")):
        assert zone_name("Asia/Seoul") == "Asia/Seoul"


@pytest.mark.parametrize("name", ["Asia/Seoul", "America/Sao_Paulo", "UTC"])
def test_else_it_is_that_of_this_machine(name: str) -> None:
    with of_machine(pendulum.timezone(name)):
        assert zone_name(None) == name


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
        zone_name(misspelt)


@pytest.mark.parametrize(
    "name",
    ["", "+09:00", "Korea Standard Time", "../Asia/Seoul", "/etc/passwd", "a\nb", "x" * 10_000],
)
def test_what_is_like_no_zone_is_told_what_is_expected(name: str) -> None:
    with pytest.raises(ReportError, match="expected an IANA name such as Asia/Seoul") as raised:
        zone_name(name)
    assert len(str(raised.value)) < 250
    assert "\n" not in str(raised.value)


def test_a_machine_whose_zone_has_no_name_is_told_to_give_one() -> None:
    with resources.files("tzdata.zoneinfo.Asia").joinpath("Seoul").open("rb") as file:
        nameless = Timezone.from_file(file)
    with (
        of_machine(nameless),
        pytest.raises(ReportError, match="add one, such as --timezone Asia/Seoul"),
    ):
        zone_name(None)
