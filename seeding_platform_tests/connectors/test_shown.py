"""What readers tell of a file's own words: enough to mend it, nobody's name or number."""

import json

import pytest

from seeding_platform.analytics import read_export
from seeding_platform.connectors.files import read_file
from seeding_platform.connectors.landing import require_columns
from seeding_platform.connectors.shown import headers_shown, shown
from seeding_platform.connectors.sources import parse_source
from seeding_platform.errors import SourceUnreadable
from seeding_platform_tests.places import ADS_SOURCE

MAIL = "jan.de.vries@example.org"
PEOPLE = [MAIL, "Wilhelmina Zonnevanck", "+31 6 12345678", "NL86 INGB 0002 4455 88", "1234 5678 9", "JAN DE VRIES", "jan de vries uit venlo"]
PEOPLE += ["Jan Vos", "06123456", "1980-01-31", "31/1/80", "31.01.1980", "born 1980", "Zonne-Vanck", "twelve", "J. V"]
HARMLESS = ["12k", "5 euro", "n/b", "123.45.6", "#REF!", "€ 1.2.3", "1.20253E+17", "-", ""]


@pytest.mark.parametrize("value", PEOPLE)
def test_of_what_may_be_a_person_only_the_notation_is_told(value):
    told = shown(value)
    assert value not in told
    assert len(told) == len(value)
    assert set(told) <= set("aA9 .@+-/")


@pytest.mark.parametrize("value", HARMLESS)
def test_what_is_harmless_is_told_as_it_stands(value):
    assert shown(value) == value


def test_a_long_cell_is_cut():
    assert len(shown("x " * 100_000)) == 41


def test_an_export_tells_lines_and_columns_and_keeps_the_cell_for_the_raw_table(tmp_path):
    file = tmp_path / "a.csv"
    head = f"Date,Network,Campaign,Cost,Clicks,Impressions,Conversions,Currency,{MAIL}\n"
    file.write_text(head + f"2026-09-01,Google,A,{MAIL},1,2,3,EUR,\n2026-09-02,Google,A,12k,1,2,3,EUR,\n2026-09-03,Google,A,1,1,2,3,EUR,\n")
    read = read_export(file)
    told = json.dumps(read.summary())
    assert MAIL not in told
    assert "line 2, column Cost: 'aaa.aa.aaaaa@aaaaaaa.aaa' is no number" in told
    assert "line 3, column Cost: '12k' is no number" in told
    assert read.rejects[0].value == MAIL


def test_a_row_in_place_of_a_header_is_not_told(tmp_path):
    spec = parse_source(ADS_SOURCE, "ads.yaml")
    for header, known in ((f"7,{MAIL},2.5", False), ("day,campain,cost", True), ("0612345678,a,b", False)):
        file = tmp_path / "ads.csv"
        file.write_text(f"{header}\n1,2,3\n")
        with pytest.raises(SourceUnreadable) as refused:
            require_columns(read_file(file, spec), spec, "ads.csv")
        assert ("'campain'" in str(refused.value)) == known
        assert ("is the header missing" in str(refused.value)) != known
        assert MAIL not in str(refused.value)
        assert "0612345678" not in str(refused.value)


def test_headers_of_real_exports_are_told():
    names = ["Conversion value (EUR)", "Cost per 1,000 impressions", "Video views 25%", "Results", "7-day click"]
    assert headers_shown(names) == ", ".join(map(repr, names))
