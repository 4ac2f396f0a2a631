"""Each Korean page says what the English one says: as many parts, with the same names in them."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from docs.korean import CHECKSUMS, PAGES, ROOT, Part, checksums, parts
from tap_eventexport.vendors import VENDORS
from tests.documents import CODE, FENCE, Block, headings

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
HANGUL = re.compile(r"[\uac00-\ud7a3]")


def names(part: Part) -> set[str]:
    """The names in a part: what is set as code, and the commands of a block."""
    if part.kind.startswith("```"):
        ((language, text),) = FENCE.findall(f"{part.text}\n")
        return set(Block(language, text).commands())
    return set(CODE.findall(part.text))


def targets(part: Part, page: Path) -> Counter[tuple[str, int]]:
    """What a part links to: the address, or the English page; and the number of the heading."""
    found: Counter[tuple[str, int]] = Counter()
    for address, heading in LINK.findall(CODE.sub("", part.text)):
        if address.startswith("https:"):
            found[address, 0] += 1
            continue
        file = (page.parent / address).resolve() if address else page
        at = headings(file).index(heading) if heading else 0
        found[str(PAGES.get(file, file)), at] += 1
    return found


def differences(korean: Path) -> list[str]:
    """How a Korean page differs from the English one."""
    english = PAGES[korean]
    found: list[str] = []
    for own, other in zip_longest(parts(korean.read_text()), parts(english.read_text())):
        where = f"{other and other.text}\n{own and own.text}"
        if own is None or other is None or own.kind != other.kind:
            return [*found, f"another part: {where}"]
        if own.text.count(" | ") != other.text.count(" | ") and own.kind == "|":
            found.append(f"other cells: {where}")
        if names(own) != names(other):
            found.append(f"not in both, {names(own) ^ names(other)}: {where}")
        if targets(own, korean) != targets(other, english):
            found.append(f"other links: {where}")
        missing = numbers(other) - numbers(own)
        if missing:
            found.append(f"no {missing}: {where}")
    return found


def numbers(part: Part) -> set[str]:
    """The numbers of a part; words for numbers may be numbers in the other language."""
    return set(NUMBER.findall(LINK.sub("", CODE.sub("", part.text))))


@pytest.mark.parametrize("korean", PAGES, ids=lambda page: page.name)
def test_a_korean_page_has_the_parts_and_names_of_the_english_one(korean: Path) -> None:
    assert differences(korean) == []


@pytest.mark.parametrize("korean", PAGES, ids=lambda page: page.name)
def test_all_text_of_a_korean_page_is_korean(korean: Path) -> None:
    told = [part for part in parts(korean.read_text()) if not part.kind.startswith("```")]
    english = [
        part.text
        for part in told
        if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", CODE.sub("", part.text))
        and not HANGUL.search(CODE.sub("", part.text))
    ]
    assert english == []


@pytest.mark.parametrize("korean", PAGES, ids=lambda page: page.name)
def test_a_korean_page_is_revised_when_the_english_one_changes(korean: Path) -> None:
    english = PAGES[korean]
    taken = json.loads(CHECKSUMS.read_text())[str(english.relative_to(ROOT))]
    now = zip_longest(parts(english.read_text()), checksums(english), taken)
    changed = [part for part, checksum, before in now if checksum != before]
    assert changed == [], f"revise them in {korean.name}, then run python -m docs.korean"


def test_every_korean_page_has_an_english_one() -> None:
    assert sorted((ROOT / "docs/ko").glob("*.md")) == sorted(
        page for page in PAGES if page.parent.name == "ko"
    )


def test_the_example_of_settings_is_in_both_languages() -> None:
    example = (ROOT / ".secrets.example").read_text().replace("\n#\n", "\n# ")
    told = re.findall(r"(?:^# (?!vendors:|/vendors).*\n)+", example, re.MULTILINE)
    assert len(told) == len(VENDORS) + 4
    without = tuple(f"# {vendor.name}:" for vendor in VENDORS if not vendor.guide_in_korean)
    english = [comment for comment in told if not HANGUL.search(comment)]
    assert [comment for comment in english if not comment.startswith(without)] == []
    for line in example.splitlines():
        assert line.startswith("#") or not HANGUL.search(line)


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("Set `a`.", "`b`를 설정합니다."),
        ("Set `a`.", "설정합니다."),
        ("1. one\n2. two", "1. 하나"),
        ("## one", "# 하나"),
        ("[one](https://one.example)", "[하나](https://two.example)"),
        ("[one](#title)", "[하나](#제목)\n\n## 제목"),
        ("| a | b |", "| a |"),
        ("100 a day", "하루 10건"),
        ("```sh\nrun it\n```", "```sh\nrun that\n```"),
    ],
)
def test_a_difference_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, english: str, korean: str
) -> None:
    pages = (tmp_path / "ko.md", tmp_path / "en.md")
    monkeypatch.setitem(PAGES, *pages)
    for page, text in zip(pages, (korean, english), strict=True):
        page.write_text(f"# title\n\n{text}\n")
    assert differences(pages[0]) != []


def test_the_same_in_another_order_of_words_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = (tmp_path / "ko.md", tmp_path / "en.md")
    monkeypatch.setitem(PAGES, *pages)
    texts = (
        "`b`에서 `a`로, 5번\n\n```sh\nrun it  # 실행\n```",
        "From `a` to `b`,\nfive times\n\n```sh\nrun it\n```",
    )
    for page, text in zip(pages, texts, strict=True):
        page.write_text(f"# title\n\n{text}\n")
    assert differences(pages[0]) == []
