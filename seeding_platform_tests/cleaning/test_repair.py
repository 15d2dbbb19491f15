"""Repair by declared rules: what is mended, what is only flagged, what is refused."""

from __future__ import annotations

import random

import polars as pl
import pytest

from seeding_platform.cleaning import repair
from seeding_platform.errors import ConfigError
from seeding_platform_tests.benchmarks.repair.__main__ import public
from seeding_platform_tests.benchmarks.repair.measure import measure
from seeding_platform_tests.benchmarks.repair.products import RULES, products


def of(column: str, values: list, **rule) -> list:
    """The column after one rule."""
    return repair(pl.DataFrame({column: values}), [{"name": "r", "column": column, **rule}]).frame[column].to_list()


def by_format(values: list, **rule) -> list:
    return of("x", values, kind="format", **rule)


@pytest.mark.parametrize("replace", ["$1", "${1}", r"\1"])
def test_a_group_is_written_in_any_of_the_usual_ways(replace):
    assert by_format(["12.0 oz", "7", None], pattern=r"^([\d.]+) ?oz$", replace=replace) == ["12.0", "7", None]


def test_a_pattern_may_look_around():
    assert by_format(["a1b", "c1d"], pattern=r"(?<=a)1", replace="2") == ["a2b", "c1d"]
    assert by_format(["xaax"], pattern=r"(a)\1", replace="$1") == ["xax"]


def test_blanks_are_filled_and_made():
    assert by_format([None, "", "3", "N/A"], pattern="^$", replace="-1") == ["-1", "-1", "3", "N/A"]
    assert by_format(["N/A", "3"], pattern="^N/A$", replace="") == [None, "3"]


def test_numbers_are_written_in_their_shortest_form():
    assert by_format(["12.0", "0.054000000000000006", "100", "x", "-0.0"], number=True, decimals=3) == ["12", "0.054", "100", "x", "-0"]
    assert by_format(["1.234,50"], number=True, decimal_mark=",") == ["1234.5"]


def test_what_does_not_match_is_flagged_and_left():
    result = repair(
        pl.DataFrame({"zip": ["1011AB", "1011", None]}), [{"name": "zip", "kind": "format", "column": "zip", "pattern": r"\d{4}[A-Z]{2}"}]
    )
    assert result.frame["zip"].to_list() == ["1011AB", "1011", None]
    assert result.changed.is_empty()
    assert result.suspects.rows() == [(1, "zip", "1011", "1011", "zip", 0.0)]


def test_a_blank_is_filled_from_another_column():
    frame = pl.DataFrame({"city": ["Bend OR", "Gary IN", "Rome"], "state": [None, "XX", None]})
    rules = [{"name": "s", "kind": "format", "column": "state", "source": "city", "pattern": "^.* ([A-Z]{2})$", "replace": "$1"}]
    assert repair(frame, rules).frame["state"].to_list() == ["OR", "XX", None]


def fd(rows: list[tuple], **more) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["sku", "brand"], orient="row"), [{"name": "b", "kind": "fd", "column": "brand", "determinant": ["sku"], **more}]


def test_a_clear_majority_is_written_into_the_rest_and_into_blanks():
    result = repair(*fd([("a", "Philips")] * 4 + [("a", "Phillips"), ("a", None), (None, "Sony")]))
    assert result.frame["brand"].to_list() == ["Philips"] * 6 + ["Sony"]
    assert result.log.select("row", "before", "after", "rule").rows() == [(4, "Phillips", "Philips", "b"), (5, None, "Philips", "b")]
    assert result.log["confidence"].to_list() == [0.8, 0.8]


@pytest.mark.parametrize("votes", [(2, 1), (3, 2), (5, 3), (1, 1), (3, 3)])
def test_without_support_or_margin_it_is_flagged(votes):
    first, second = votes
    frame, rules = fd([("a", "x")] * first + [("a", "y")] * second)
    result = repair(frame, rules)
    assert result.frame.equals(frame)
    assert result.suspects.height == (second if first > second else first + second)


def test_support_and_margin_are_the_authors_to_choose():
    frame, rules = fd([("a", "x")] * 2 + [("a", "y")], min_support=2, margin=1.5)
    assert repair(frame, rules).frame["brand"].to_list() == ["x"] * 3


def test_a_row_under_the_wrong_determinant_is_flagged_not_rewritten():
    rows = [("a", "x", "p")] * 5 + [("b", "y", "q")] * 5 + [("a", "y", "q"), ("a", "z", "q")]
    frame = pl.DataFrame(rows, schema=["sku", "brand", "line"], orient="row")
    rules = [{"name": c, "kind": "fd", "column": c, "determinant": ["sku"]} for c in ("brand", "line")]
    result = repair(frame, rules)
    assert result.frame.rows()[10:] == [("a", "y", "q"), ("a", "x", "p")]
    assert result.suspects["row"].to_list() == [10, 10]


def test_a_slip_snaps_to_the_one_entry_that_is_near():
    entries = ["Google", "Meta", "TikTok", "LinkedIn", "Pinterest"]
    slips = ["Gogle", "google ", "GOOGLE", "Linkdin", "Tik Tok", "Pintrest", "Yahoo", "Mete", None, "Google 2"]
    assert of("x", slips, kind="snap", dictionary=entries) == [
        "Google", "Google", "Google", "LinkedIn", "TikTok", "Pinterest", "Yahoo", "Meta", None, "Google 2"
    ]  # fmt: skip


def test_between_two_near_entries_it_is_flagged():
    result = repair(pl.DataFrame({"x": ["Hamp"]}), [{"name": "r", "kind": "snap", "column": "x", "dictionary": ["Hemp", "Lamp"]}])
    assert result.frame["x"].to_list() == ["Hamp"]
    assert result.suspects.height == 1


def test_frequent_values_are_a_dictionary_of_their_own():
    values = ["Amsterdam"] * 10 + ["Amstredam", "Rotterdam"] + ["Delft"] * 3 + ["Delf"]
    assert of("x", values, kind="snap") == ["Amsterdam"] * 11 + ["Rotterdam"] + ["Delft"] * 3 + ["Delf"]


def test_numbers_are_never_snapped():
    assert of("x", ["Model 2018"] * 20 + ["Model 2019"], kind="snap") == ["Model 2018"] * 20 + ["Model 2019"]


def test_other_types_come_back_as_they_were():
    frame = pl.DataFrame({"k": [1, 1, 1, 1], "n": [5, 5, 5, 6], "other": [[1], [2], [3], [4]]})
    result = repair(frame, [{"name": "n", "kind": "fd", "column": "n", "determinant": "k"}])
    assert result.frame.schema == frame.schema
    assert result.frame["n"].to_list() == [5, 5, 5, 5]
    assert result.frame["other"].to_list() == frame["other"].to_list()


def test_two_rules_on_one_cell_are_one_row_of_the_log():
    rules = [
        {"name": "unit", "kind": "format", "column": "x", "pattern": " oz$", "replace": ""},
        {"name": "short", "kind": "format", "column": "x", "number": True},
    ]
    assert repair(pl.DataFrame({"x": ["12.0 oz"]}), rules).log.rows() == [(0, "x", "12.0 oz", "12", "unit, short", 1.0)]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"kind": "format", "column": "x", "pattern": "("}, "no regular expression"),
        ({"kind": "format", "column": "x"}, "one of pattern"),
        ({"kind": "fd", "column": "x", "determinant": ["x"]}, "decide itself"),
        ({"kind": "fd", "column": "x"}, "determinant"),
        ({"kind": "shout", "column": "x"}, "shout"),
        ({"kind": "snap", "column": "x", "dictionary": "nowhere.txt"}, "nowhere.txt"),
        ({"kind": "snap", "column": "y"}, "the rules name y"),
    ],
)
def test_a_rule_out_of_form_is_refused(rule, told):
    with pytest.raises(ConfigError, match=told):
        repair(pl.DataFrame({"x": ["1"]}), [{"name": "r", **rule}])


def test_what_is_no_value_of_the_type_is_refused():
    with pytest.raises(ConfigError, match="Int64"):
        repair(pl.DataFrame({"x": [1]}), [{"name": "r", "kind": "format", "column": "x", "pattern": "1", "replace": "one"}])


@pytest.mark.parametrize("rows", [0, 1])
def test_small_tables(rows):
    truth, dirty = products(rows, 3)
    assert repair(dirty, RULES).frame.shape == truth.shape


def test_made_products_are_mended_and_hardly_one_broken():
    truth, dirty = products(5000, random.SystemRandom().randrange(10**6))
    result = repair(dirty, RULES)
    figures = measure(dirty, result.frame, truth)
    assert figures.broken_share <= 0.002
    assert figures.f1 >= 0.9
    assert repair(result.frame, RULES).frame.equals(result.frame)
    shown = dirty.with_row_index("row").unpivot(index="row", variable_name="column", value_name="was")
    now = result.frame.with_row_index("row").unpivot(index="row", variable_name="column", value_name="is")
    told = result.changed.join(shown, on=["row", "column"]).join(now, on=["row", "column"])
    assert told.filter(pl.col("before").ne_missing(pl.col("was")) | pl.col("after").ne_missing(pl.col("is"))).is_empty()
    assert told.height == figures.changed


@pytest.mark.real
@pytest.mark.parametrize(("name", "accuracy", "broken"), [("beers", 0.99, 0.002), ("rayyan", 0.93, 0.02)])
def test_public_tables_are_mended(name, accuracy, broken):
    figures = measure(*public(name))
    assert figures.accuracy >= accuracy
    assert figures.broken_share <= broken


@pytest.mark.real
def test_the_column_whose_truth_is_doubtful_does_not_carry_the_result():
    figures = measure(*public("rayyan"), without=("article_jcreated_at",))
    assert figures.accuracy >= 0.98
    assert figures.broken_share <= 0.001


SLIP = {"name": "spend_unit", "kind": "slip", "column": "spend", "per": ["clicks", "impressions"]}


def _spent(*cells):
    """Sixty usual rows, then the given ones (spend, clicks, impressions)."""
    usual = [(f"{90 + n % 20}.50", str(100 + n % 7), str(9_000 + 50 * (n % 11))) for n in range(60)]
    return pl.DataFrame([*usual, *cells], schema=["spend", "clicks", "impressions"], orient="row")


def test_a_unit_slip_is_divided_when_two_witnesses_agree():
    result = repair(_spent(("95500.00", "103", "9100"), ("9550.00", "103", "9100")), [SLIP])
    assert result.frame["spend"][-2:].to_list() == ["95.50", "95.50"]
    assert result.changed["confidence"].min() >= 0.95
    assert result.changed.height == 2


def test_a_large_row_is_no_slip():
    """A hundred times the spend with a hundred times the clicks and impressions is a large campaign."""
    result = repair(_spent(("9550.00", "10300", "910000")), [SLIP])
    assert result.log.height == 0


def test_one_witness_against_another_repairs_nothing():
    assert repair(_spent(("95500.00", "103", "9100000")), [SLIP]).changed.height == 0
    assert repair(_spent(("95500.00", None, "9100")), [SLIP]).changed.height == 0


def test_a_slip_that_would_lose_digits_is_only_suspect():
    result = repair(_spent(("95512.34", "103", "9100")), [SLIP])
    assert (result.changed.height, result.suspects.height) == (0, 1)


def test_a_slip_rule_needs_two_other_columns():
    with pytest.raises(ConfigError, match="at least 2"):
        repair(_spent(), [SLIP | {"per": ["clicks"]}])
    with pytest.raises(ConfigError, match="other columns"):
        repair(_spent(), [SLIP | {"per": ["clicks", "spend"]}])
    with pytest.raises(ConfigError, match="not 1"):
        repair(_spent(), [SLIP | {"factors": [1]}])


def test_a_slip_that_happened_often_is_still_one_beside_a_far_more_frequent_value():
    frame = pl.DataFrame({"group": ["Prospecting"] * 2_000 + ["Lookalike"] * 1_500 + ["Prospectng"] * 6 + ["Lookalikes BE"] * 60})
    changed = repair(frame, [{"name": "spelt", "kind": "snap", "column": "group"}]).changed
    assert changed["before"].unique().to_list() == ["Prospectng"]
    assert changed["after"].unique().to_list() == ["Prospecting"]


def test_a_cut_off_value_is_the_one_entry_that_begins_so():
    frame = pl.DataFrame({"group": ["Past visitors"] * 50 + ["Sale winter"] * 50 + ["Sale summer"] * 50 + ["Past visi", "Sale ", "Past"]})
    changed = repair(frame, [{"name": "spelt", "kind": "snap", "column": "group"}]).changed
    assert changed.select("before", "after").rows() == [("Past visi", "Past visitors")]
