"""Keys depend on content alone."""

from __future__ import annotations

from tap_eventexport.engine.identity import content_key


def test_the_key_of_a_content_is_for_ever() -> None:
    assert content_key(["a", None, 5, {"b": [1.5, "한국"], "a": True}]) == (
        "1f388b35fd3440695235c2fd182c12af7ab1f83f25a1722edf7f85f34a9cefe6"
    )


def test_the_order_of_names_makes_no_difference() -> None:
    assert content_key([{"a": 1, "b": 2}]) == content_key([{"b": 2, "a": 1}])
    assert content_key(["a", "b"]) != content_key(["b", "a"])
