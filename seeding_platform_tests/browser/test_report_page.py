"""The report page in a real browser: it renders, wide and narrow, light and dark, and nothing sticks out."""

import json
import os
import re
import shutil
import struct
import subprocess
from html import escape
from pathlib import Path

import pytest

from seeding_platform.quality.report import QualityReport, html_page
from seeding_platform.quality.scorecard import scorecard
from seeding_platform_tests.quality.reports import NOW, full_report, report

pytestmark = pytest.mark.long

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
]
MEASURE = """
<script>
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement, width = frame.clientWidth;
    const boxed = node => node.closest(".table-wrap, .sr, .skip");
    const out = [...page.body.querySelectorAll("*")].filter(node => !boxed(node) && node.getBoundingClientRect().right > width + 0.5);
    return {width, scroll: root.scrollWidth, out: out.map(node => node.tagName + "." + node.className),
            pinned: [...page.querySelectorAll(".table th:first-child")].map(node => frame.contentWindow.getComputedStyle(node).position),
            boxes: [...page.querySelectorAll(".table-wrap")].map(node => node.scrollWidth > node.clientWidth),
            styled: frame.contentWindow.getComputedStyle(page.querySelector("h1")).fontWeight, height: root.scrollHeight};
  });
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        said = "no chromium on the PATH: `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return found


def run(chromium: str, folder: Path, *args: str) -> str:
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def measured(chromium: str, folder: Path, made: QualityReport, *widths: int) -> list[dict]:
    source = escape(html_page(made, scorecard(made), now=NOW), quote=True)
    frames = "".join(f'<iframe srcdoc="{source}" width="{width}" height="900" frameborder="0"></iframe>' for width in widths)
    harness = folder / "harness.html"
    harness.write_text(f'<!doctype html><meta charset="utf-8"><pre id="found"></pre>{frames}{MEASURE}', encoding="utf-8")
    dumped = run(chromium, folder, "--window-size=1600,1000", "--dump-dom", harness.as_uri())
    said = re.search(r'<pre id="found">(.*?)</pre>', dumped, re.DOTALL)
    assert said
    assert said[1], "the page did not load"
    return json.loads(said[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))


@pytest.mark.parametrize("made", [full_report(), report(waiting=("orders",))], ids=["full", "empty"])
def test_nothing_sticks_out_at_any_width(chromium, tmp_path, made):
    widths = (320, 390, 768, 1024, 1440)
    found = measured(chromium, tmp_path, made, *widths)
    assert [f["width"] for f in found] == list(widths)
    for frame in found:
        assert frame["scroll"] <= frame["width"], frame
        assert frame["out"] == [], frame
        assert frame["styled"] == "600"


def test_on_a_phone_tables_scroll_in_their_own_box_with_the_first_column_pinned(chromium, tmp_path):
    (phone,) = measured(chromium, tmp_path, full_report(), 390)
    assert any(phone["boxes"])
    assert set(phone["pinned"]) == {"sticky"}


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_it_opens_from_the_disk_in_both_themes(chromium, tmp_path, scheme):
    path = tmp_path / "quality.html"
    path.write_text(html_page(full_report(), scorecard(full_report()), now=NOW), encoding="utf-8")
    shot = tmp_path / "shot.png"
    run(chromium, tmp_path, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1440,900", f"--screenshot={shot}", path.as_uri())
    assert png_size(shot) == (1440, 900)
    assert shot.stat().st_size > 40_000, "the page is blank"
    assert corner(shot) == ((18, 19, 24) if scheme == 0 else (246, 245, 242))


def corner(path: Path) -> tuple[int, ...]:
    """Colour of the first pixel; every PNG filter leaves that of the first row's first pixel as it is."""
    import zlib

    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    return tuple(zlib.decompress(packed)[1:4])


def test_it_prints_on_a4(chromium, tmp_path):
    path, pdf = tmp_path / "quality.html", tmp_path / "quality.pdf"
    path.write_text(html_page(full_report(), scorecard(full_report()), now=NOW), encoding="utf-8")
    run(chromium, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri())
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf.read_bytes())
    assert boxes
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(842, 595)} or {(round(float(w)), round(float(h))) for w, h in boxes} == {
        (842, 596)
    }
