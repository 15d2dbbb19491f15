"""Data Docs that ask for nothing outside: the pages of Great Expectations without what they load, and a first page that works without scripts.

As written by the library, each page loads scripts, styles and a logo from eight hosts, and the first page is empty where those do not answer.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
LOADED = re.compile(r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>", re.DOTALL | re.IGNORECASE)
HANDLER = re.compile(r"\son\w+=(\"[^\"]*\"|'[^']*')", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A table on the first page."""

    name: str
    description: str
    evaluated: int
    successful: int

    @property
    def kept(self) -> bool:
        """Every expectation held."""
        return self.evaluated == self.successful


def sealed(html: str) -> str:
    """A page that loads nothing, runs nothing and brings its own style.

    >>> sealed('<head><script src="https://x.y/z.js"></script></head><p onclick="a()">b</p>').endswith("</head><p>b</p>")
    True
    """
    own = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{(HERE / "docs.css").read_text(encoding="utf-8")}</style>\n'
    return HANDLER.sub("", LOADED.sub("", html)).replace("</head>", f"{own}</head>", 1)


def sealed_site(site: Path, tables: Sequence[Shown]) -> dict[str, Path]:
    """Seal every page of a site and write its first page.

    Returns:
        Each table's page, relative to the site.

    Raises:
        PermanentError: the library wrote no page about a table.
    """
    from jinja2 import Environment, FileSystemLoader

    shutil.rmtree(site / "static", ignore_errors=True)
    for path in site.rglob("*.html"):
        path.write_text(sealed(path.read_text(encoding="utf-8")), encoding="utf-8")
    pages = {}
    for table in tables:
        page = next((site / "validations" / table.name).rglob("*.html"), None)
        if page is None:
            raise PermanentError(
                f"Great Expectations wrote no page about {table.name}.", fix="Its log says why; a new version may lay out its site anew."
            )
        pages[table.name] = page.relative_to(site)
    template = Environment(loader=FileSystemLoader(HERE), autoescape=True).get_template("index.html.j2")
    links = {name: page.as_posix() for name, page in pages.items()}
    (site / "index.html").write_text(sealed(template.render(tables=tables, pages=links)), encoding="utf-8")
    return pages
