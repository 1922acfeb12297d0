"""The page in a real browser: it renders without a word on the console, and shows the JSON's figures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from speculate.report import load
from speculate.report.page import render
from tests.report.conftest import Made
from tests.report.pages import disagreements, read

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip
MEASURE = """<script>addEventListener("load", () => {
  const page = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1 && !one.closest(".table, .scroll, nav, .skip"));
  document.body.dataset.overflow = wide.map((one) => one.tagName + "." + one.className).slice(0, 5).join(" ");
  document.body.dataset.width = page.scrollWidth + "/" + innerWidth;
  document.body.dataset.paper = getComputedStyle(document.body).backgroundColor;
});</script>"""


def browse(page: Path, profile: Path, *more: str, width: int = 1280) -> tuple[str, list[str]]:
    """The document as the browser has it, and what was said on its console."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900", *more, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("kind", ["audit", "replay"])
def test_renders_without_a_console_message_and_with_the_jsons_figures(made: Made, tmp_path: Path, kind: str) -> None:
    page = made.folder / f"{kind}.html"
    page.write_text(render(load(made.folder / f"{kind}.json"), made.audit if kind == "replay" else None))
    dom, console = browse(page, tmp_path, "--dump-dom")
    assert console == []
    shown = read(dom)
    assert len(shown.figures) > 100
    origins = {"input": made.audit if kind == "audit" else made.replay, "detail": made.audit}
    assert disagreements(shown, origins) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [500, 1280])
def test_fits_its_window_in_light_and_dark(made: Made, tmp_path: Path, width: int, dark: bool) -> None:
    """Nothing sticks out sideways (a window is never narrower than 500 here; a frame makes it 390)."""
    html = render(load(made.folder / "audit.json")).replace("</body>", f"{MEASURE}</body>")
    page = tmp_path / "measured.html"
    page.write_text(html)
    dom, console = browse(
        page, tmp_path / "profile", "--dump-dom", f"--blink-settings=preferredColorScheme={int(not dark)}", width=width
    )
    assert console == []
    body = re.search(r"<body[^>]*>", dom)
    assert body is not None
    assert 'data-overflow=""' in body[0], body[0]
    assert ("rgb(13, 16, 21)" if dark else "rgb(245, 246, 248)") in body[0]


def test_fits_a_phone(made: Made, tmp_path: Path) -> None:
    """390 pixels wide, in a frame of that width."""
    inner = render(load(made.folder / "audit.json")).replace("</body>", f"{MEASURE}</body>")
    inner = inner.replace(
        "document.body.dataset.overflow =", "parent.document.body.dataset.overflow = document.body.dataset.overflow ="
    )
    quoted = inner.replace("&", "&amp;").replace('"', "&quot;")
    page = tmp_path / "phone.html"
    page.write_text(
        f'<!doctype html><title>phone</title><body><iframe width="390" height="800" srcdoc="{quoted}"></iframe></body>'
    )
    dom, console = browse(page, tmp_path / "profile", "--dump-dom")
    assert console == []
    found = re.search(r'<body data-overflow="([^"]*)"', dom)
    assert found is not None
    assert found[1] == ""


def test_prints(made: Made, tmp_path: Path) -> None:
    """A PDF comes out, and nothing is said on the console."""
    page = made.folder / "audit.html"
    page.write_text(render(load(made.folder / "audit.json")))
    out = tmp_path / "page.pdf"
    _, console = browse(page, tmp_path / "profile", f"--print-to-pdf={out}", "--no-pdf-header-footer")
    assert console == []
    assert out.read_bytes().startswith(b"%PDF-")
