"""Meltano's patterns mean here what Meltano does with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_eventexport.engine.singer.patterns import ALL, Patterns, meltano_patterns


def patterns(*select: str, **environment: Any) -> Patterns:
    found = meltano_patterns(
        "shop.events", {"MELTANO_EXTRACT__SELECT": json.dumps(select), **environment}
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("select", "path", "is_selected"),
    [
        (["*.*"], ["phone"], True),
        (["*.*", r"!shop\.events.phone"], ["phone"], False),
        (["*.*", r"!shop\.events.phone"], ["phone_type"], True),
        (["*.*", r"!shop\.*.*phone*"], ["home_phone"], False),
        (["*.*", "!other.phone"], ["phone"], True),
        ([r"shop\.events"], ["phone"], True),
        ([r"!shop\.events"], ["phone"], False),
        ([r"shop\.events.df_*"], ["df_price"], True),
        ([r"shop\.events.df_*"], ["price"], False),
        (["other.*"], ["phone"], False),
        ([], ["phone"], False),
        (["*.payload.total"], ["payload"], True),
        (["*.payload.total"], ["payload", "total"], True),
        (["*.payload.total"], ["payload", "total", "currency"], True),
        (["*.payload.total"], ["payload", "email"], False),
        (["*.payload"], ["payload", "email"], True),
        (["*.*", "!*.payload.email"], ["payload", "email"], False),
        (["*.*", "!*.payload.email"], ["payload", "email", "work"], False),
        (["*.*", "!*.payload.email"], ["email"], True),
        (["*.*", "!*.*email"], ["payload", "user", "email"], False),
    ],
)
def test_what_is_selected(select: list[str], path: list[str], *, is_selected: bool) -> None:
    assert patterns(*select).select(path) is is_selected


@pytest.mark.parametrize(
    ("rules", "deselected"),
    [
        ({"croct_events": {"phone": {"selected": False}}}, ("phone",)),
        ({"croct_*": {"payload": {"email": {"selected": False}}}}, ("payload.email",)),
        ({"croct_events.payload.email": {"selected": False}}, ("payload.email",)),
        ({"croct_events": {"selected": False}}, ("*",)),
        ({"croct_events": {"phone": {"selected": True, "inclusion": "available"}}}, ()),
        ({"other": {"phone": {"selected": False}}}, ()),
        ([], ()),
    ],
)
def test_what_metadata_rules_deselect(rules: object, deselected: tuple[str, ...]) -> None:
    environment = {
        "MELTANO_EXTRACT__SELECT": '["*.*"]',
        "MELTANO_EXTRACT__METADATA": json.dumps(rules),
    }
    assert meltano_patterns("croct_events", environment) == Patterns(deselected=deselected)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"MELTANO_EXTRACT__SELECT": ""},
        {"MELTANO_EXTRACT__SELECT": "*.*"},
        {"MELTANO_EXTRACT__SELECT": '"*.*"'},
        {"MELTANO_EXTRACT__SELECT": '["*.*"]', "MELTANO_EXTRACT__CATALOG": "mine.json"},
    ],
)
def test_no_patterns_without_meltano_or_with_a_catalog_of_ones_own(
    environment: dict[str, str],
) -> None:
    assert meltano_patterns("croct_events", environment) is None


@pytest.mark.parametrize(
    ("found", "select_all", "reach_inside"),
    [
        (ALL, True, False),
        (Patterns(("df_*",)), False, False),
        (Patterns(("*", "payload.x")), True, True),
        (Patterns(("*",), ("phone",)), False, False),
        (Patterns(("*",), ("*phone",)), False, True),
        (Patterns(("*",), ("payload.x",)), False, True),
    ],
)
def test_what_they_ask_for(found: Patterns, *, select_all: bool, reach_inside: bool) -> None:
    assert (found.select_all, found.reach_inside) == (select_all, reach_inside)
