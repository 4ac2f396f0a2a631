"""A name from outside stays inside its message."""

from __future__ import annotations

import pytest

from tap_eventexport.engine.names import quote_name, quote_names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("df_event_name", "df_event_name"),
        ("exports/2026-03-01:a.json", "exports/2026-03-01:a.json"),
        ("a=b/2026-03-01T00:00:00+0000", "a=b/2026-03-01T00:00:00+0000"),
        ("크기", "크기"),
        ("", "''"),
        ("two words", "'two words'"),
        ('size 5"', "'size 5\"'"),
        ("a\nERROR b", r"'a\nERROR b'"),
        ("a\u2028\x1b[2J\u202e", r"'a\u2028\x1b[2J\u202e'"),
        ("half \ud83d", r"'half \ud83d'"),
        ("%s{}", "'%s{}'"),
        ("x" * 1000, f"'{'x' * 100}'… (1000 characters)"),
    ],
)
def test_a_name(name: str, shown: str) -> None:
    assert quote_name(name) == shown


def test_a_name_that_must_be_found_is_shown_whole() -> None:
    assert quote_name("x" * 1000, 1024) == "x" * 1000
    assert quote_name("x" * 1025, 1024) == f"'{'x' * 1024}'… (1025 characters)"


def test_many_names() -> None:
    assert quote_names({"b", "a c", "a"}) == "a, 'a c', b"
    assert quote_names({f"{number:03}" for number in range(100)}).endswith("018, 019 and 80 more")
