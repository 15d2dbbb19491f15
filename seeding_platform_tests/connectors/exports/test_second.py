"""Exports made by somebody who had not seen the reader, with their answers; where they called an answer arguable, any of theirs will do."""

import json
from pathlib import Path

import pytest

from seeding_platform.connectors.exports import ExportRefused, read_export

FOLDER = Path(__file__).parent / "second"
EXPECTED = {told["file"]: told for told in json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))}


def allowed(told: dict, place: str, value: object) -> list[object]:
    return [value, *told.get("alternatives", {}).get(place, [])]


@pytest.mark.parametrize("name", sorted(n for n, told in EXPECTED.items() if told["status"] == "ok"))
def test_it_is_read_as_its_author_meant_it(name):
    told = EXPECTED[name]
    read = read_export(FOLDER / name).summary()
    assert read["rows"] == told["rows"]
    for metric, value in told["sums"].items():
        wanted = [v if v is None else pytest.approx(v, abs=1e-9) for v in allowed(told, f"sums.{metric}", value)]
        assert read["sums"][metric] in wanted, metric
    for key in ("platform", "currency", "first_date", "last_date", "grain"):
        assert read[key] in allowed(told, key, told[key]), key
    assert sorted(r["line"] for r in read["rejects"]) == sorted(told["reject_lines"])


@pytest.mark.parametrize("name", sorted(n for n, told in EXPECTED.items() if told["status"] == "refused"))
def test_it_is_refused(name):
    with pytest.raises(ExportRefused) as refused:
        read_export(FOLDER / name)
    assert refused.value.how_to_export_again
