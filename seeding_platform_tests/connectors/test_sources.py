"""Source files: each problem with its line and column, and one broken file costs no other."""

import pytest

from seeding_platform.connectors.sources import SourceRefused, load_sources, parse_source, read_source
from seeding_platform.settings import project_root

GOOD = """\
type: seeding_platform.components.FileSource
attributes:
  name: shop
  files: "shop*.csv"
  format: csv
  tables:
    - contract: orders
      columns: {order_id: id, created_at: day}
"""

CASES = {
    "no YAML": (GOOD.replace("files:", "files: ["), 5, "no YAML"),
    "wrong type": (GOOD.replace("FileSource", "Other"), 1, "must start with type"),
    "unknown key": (GOOD.replace("format: csv", "format: csv\n  colour: red"), 6, "colour"),
    "unknown format": (GOOD.replace("format: csv", "format: pdf"), 5, "format"),
    "unknown contract": (GOOD.replace("contract: orders", "contract: order"), 7, "did you mean 'orders'"),
    "computed contract": (GOOD.replace("contract: orders", "contract: ads_daily"), 7, "computed by the platform"),
    "unknown column": (GOOD.replace("created_at: day", "created: day"), 7, "did you mean 'created_at'"),
    "key is missing": (GOOD.replace("order_id: id, ", ""), 7, "the key needs order_id"),
    "path and files": (GOOD.replace("  format", "  path: x.csv\n  format"), 2, "either path"),
    "a folder in files": (GOOD.replace("shop*.csv", "in/shop*.csv"), 2, "holds no /"),
    "no such zone": (GOOD + "      formats: {timezone: Europe/Utrecht}\n", 9, "no IANA time zone"),
    "no such encoding": (GOOD.replace("format: csv", "format: csv\n  encoding: utf-9"), 6, "no encoding"),
    "no such name": (GOOD.replace("name: shop", "name: My Shop"), 3, "name"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_problem_has_its_line(case):
    text, line, told = CASES[case]
    with pytest.raises(SourceRefused) as error:
        parse_source(text, "shop.yaml")
    problem = error.value.problems[0]
    assert problem.line == line, str(problem)
    assert told in str(problem)
    assert str(problem).startswith(f"shop.yaml:{line}:")


def test_one_broken_file_costs_no_other(tmp_path):
    files = {"a": GOOD, "b": "type: [", "c": GOOD.replace("name: shop", "name: other"), "d": GOOD}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "e.yaml").write_bytes(b"\xff\xfe\xfa")
    found = load_sources(sorted(tmp_path.glob("*.yaml")))
    assert [s.name for s in found.valid] == ["shop", "other"]
    assert [r.problems[0].file for r in found.refused] == ["b.yaml", "d.yaml", "e.yaml"]
    assert "'shop' is taken" in str(found.refused[1])


@pytest.mark.parametrize("path", sorted((project_root() / "examples" / "sources").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_examples_are_valid(path):
    assert read_source(path).tables
