"""Every name becomes a column, and no two names become one."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_eventexport.errors import LoadError
from target_eventexport.names import columns_names, fitted, literal, marked, quoted

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
SIMILAR = st.text("aAßsSéÉ한_", max_size=4)


def digits(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    "name", ["a", "%s", 'a"b', "a b", "한국어", "x" * 63, "가" * 21, "\n", "'"]
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert fitted(name, 63) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "_" + digits("")),
        ("a\0b", "ab_" + digits("a\0b")),
        ("x" * 64, "x" * 54 + "_" + digits("x" * 64)),
        ("가" * 22, "가" * 18 + "_" + digits("가" * 22)),
    ],
)
def test_a_name_that_does_not_fit_is_cut_and_gets_digits(name: str, expected: str) -> None:
    assert fitted(name, 63) == expected


@given(NAMES)
def test_a_fitted_name_is_fit(name: str) -> None:
    column = fitted(name, 63)
    assert column
    assert "\0" not in column
    assert len(column.encode()) <= 63
    assert fitted(column, 63) == column


@pytest.mark.parametrize("is_case_sensitive", [True, False])
@given(names=st.lists(st.one_of(NAMES, SIMILAR), unique=True))
def test_columns_differ(is_case_sensitive: bool, names: list[str]) -> None:  # noqa: FBT001
    columns = columns_names(
        names, 63, is_case_sensitive=is_case_sensitive, reserved=("ctid", "a", "s")
    )
    found = [column if is_case_sensitive else column.casefold() for column in columns.values()]
    assert [*columns] == names
    assert len({*found}) == len(names)
    assert not {"ctid", "a", "s"} & {*found}


def test_names_that_differ_in_their_case_get_digits_where_that_is_no_difference() -> None:
    names = ["id", "ID", "other"]
    assert columns_names(names, 63, is_case_sensitive=True) == dict(zip(names, names, strict=True))
    assert columns_names(names, 63, is_case_sensitive=False) == {
        "id": "id_" + digits("id"),
        "ID": "ID_" + digits("ID"),
        "other": "other",
    }


def test_a_name_that_looks_like_one_with_digits() -> None:
    marked_a = marked("a", 63)
    columns = columns_names(["a", "A", marked_a], 63, is_case_sensitive=False)
    assert len({*columns.values()}) == 3


def test_a_reserved_name_gets_digits() -> None:
    columns = columns_names(["ctid", "id"], 63, is_case_sensitive=True, reserved=("ctid",))
    assert columns == {"ctid": "ctid_" + digits("ctid"), "id": "id"}


def test_names_whose_digits_are_the_same_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_eventexport.names.marked", lambda *_, **__: "same")
    with pytest.raises(LoadError, match="can't be told apart"):
        columns_names(["a", "A"], 63, is_case_sensitive=False)


def test_quotes_are_doubled() -> None:
    assert quoted('a"; drop table b; --') == '"a""; drop table b; --"'
    assert literal("it's") == "'it''s'"
