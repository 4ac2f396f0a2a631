"""The documents lead to each other, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.documents import headings, links
from tests.meltano import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *PAGES, *sorted((ROOT / "examples").rglob("*.md"))]


def wrong(document: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    return [
        f"{path}#{heading}"
        for path, heading in links(document)
        if not path.exists() or (heading and heading not in headings(path))
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(document: Path) -> None:
    assert wrong(document) == []


def test_each_page_is_linked_from_the_readme_or_from_a_page_that_is() -> None:
    first = {path for path, _ in links(README)}
    second = {path for page in first if page.suffix == ".md" for path, _ in links(page)}
    assert PAGES
    assert [page for page in PAGES if page not in first | second] == []


def test_a_wrong_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page, and more\n\n[here](#a-page-and-more), [there](https://there.example/a#b),\n"
        "![gone](gone.png) and [no heading](page.md#gone), `[code](gone.md)`\n\n"
        "```\n# no heading\n[block](gone.md)\n```\n"
    )
    assert headings(page) == ["a-page-and-more"]
    assert wrong(page) == [f"{tmp_path}/gone.png#", f"{page}#gone"]
