"""Reading a page back: every figure with the place in the JSON it says it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from speculate.report.figures import FORMATS, NONE, at


@dataclass
class Shown:
    """One figure as it stands on the page."""

    origin: str
    place: str
    value: str
    format: str
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The figures, texts and outward links of a page."""

    figures: list[Shown] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    scripts: list[str | None] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    _open: Shown | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "script":
            self.scripts.append(given.get("type"))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.links += [str(given[name]) for name in ("src", "href", "action") if given.get(name)]
        if given.get("class") == "figure":
            self._open = Shown(
                str(given["data-origin"]), str(given["data-at"]), str(given["data-value"]), str(given["data-format"])
            )
            self.figures.append(self._open)

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            self._open = None


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


def disagreements(page: Page, origins: dict[str, Any]) -> list[str]:
    """Figures whose text is not what the JSON holds at the place they name."""
    wrong = []
    for shown in page.figures:
        value = at(origins[shown.origin], shown.place)
        text = NONE if value is None else FORMATS[shown.format](value)
        if shown.text != text or shown.value != ("null" if value is None else repr(value)):
            wrong.append(f"{shown.origin}{shown.place}: {shown.text!r} for {value!r}")
    return wrong
