"""What is none of its kind is refused by name, row and value; what is merely missing is not."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from seeding_platform.errors import ContractBroken, PermanentError, SeedingError
from seeding_platform.models import fit_and_evaluate, predict, train
from seeding_platform.models.learning.reading import feature_values, labels, moments, numbers
from seeding_platform_tests.models.made import spec, table


def broken(frame: pl.DataFrame, **told) -> str:
    with pytest.raises(SeedingError) as caught:
        train(spec(**told), frame, seed=0)
    return str(caught.value)


def test_a_number_written_as_text_is_read_and_blank_is_missing():
    column = pl.Series("c", ["1.5", " 2 ", "", "  ", None, "NaN", "-3e2", "n/a"])
    assert numbers("m", "c", column).to_list() == [1.5, 2.0, None, None, None, None, -300.0, None]
    assert numbers("m", "c", pl.Series("c", [Decimal("1.25"), None])).to_list() == [1.25, None]
    assert numbers("m", "c", pl.Series("c", [True, False])).to_list() == [1.0, 0.0]
    assert numbers("m", "c", pl.Series("c", [1.0, float("nan")])).to_list() == [1.0, None]


@pytest.mark.parametrize("value", ["1,234.5", "twelve", "€ 5", "12-13", "inf"])
def test_a_text_that_is_no_number_names_row_and_value(value):
    frame = (
        table().with_columns(x=pl.col("x").cast(pl.String)).with_columns(x=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit(value)).otherwise("x"))
    )
    with pytest.raises(ContractBroken) as caught:
        train(spec(), frame, seed=0)
    assert (caught.value.column, caught.value.row, caught.value.value) == ("x", 7, value)
    assert "is no number" in str(caught.value)


def test_dates_and_lists_are_no_numbers():
    assert "Declare it as date" in broken(table(), features={"day": "numeric"})
    assert "one value a row" in broken(table().with_columns(tags=pl.concat_list("kind")), features={"tags": "numeric"})
    assert "Join its parts" in broken(table().with_columns(tags=pl.concat_list("kind")), features={"tags": "text"})


@pytest.mark.parametrize(
    "written",
    [["2026-03-01", "2026-03-31"], ["01-03-2026", "31-03-2026"], ["01/03/2026", "31/03/2026"], ["2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"],
     ["2026-03-01 00:00", "2026-03-31 00:00"], ["2026-03-01T02:00:00+02:00", "2026-03-31T02:00:00+0200"]],
)  # fmt: skip
def test_dates_are_read_in_one_notation(written):
    wanted = [dt.datetime(2026, 3, 1, tzinfo=dt.UTC), None, dt.datetime(2026, 3, 31, tzinfo=dt.UTC)]
    assert moments("m", "d", pl.Series("d", [written[0], " ", written[1]])).to_list() == wanted
    assert moments("m", "d", pl.Series("d", [dt.date(2026, 3, 1), None, dt.date(2026, 3, 31)])).to_list() == wanted


def test_what_is_no_date_names_row_and_value():
    with pytest.raises(ContractBroken, match=r"column 'd' holds Time, not dates"):
        moments("m", "d", pl.Series("d", [dt.time(12)]))
    with pytest.raises(ContractBroken, match=r"'soon' in row 1 is no date"):
        moments("m", "d", pl.Series("d", ["2026-03-01", "soon"]))


def test_labels_are_text_whatever_their_type():
    assert labels(pl.Series([True, False, None])).to_list() == ["true", "false", None]
    assert labels(pl.Series([1, 0])).to_list() == labels(pl.Series([1.0, 0.0])).to_list() == ["1", "0"]
    assert labels(pl.Series([" a ", ""])).to_list() == ["a", None]
    assert labels(pl.Series([0.5, 1.0])).to_list() == ["0.5", "1"]


@pytest.mark.parametrize("target", [["yes", "no"], [True, False], [1, 0], [1.0, 0.0]])
def test_labels_of_every_type_are_learned(target):
    frame = table().with_columns(y=pl.when(pl.col("y") == "yes").then(pl.lit(target[0])).otherwise(pl.lit(target[1])))
    model = train(spec(), frame, seed=0)
    assert set(predict(model, spec(), frame)) == set(model.classes)
    assert len(model.classes) == 2


def test_what_cannot_be_learned_from_is_explained():
    frame = table()
    assert "column 'z' is not in the table" in broken(frame, features={"z": "numeric"})
    assert "column 'z' is not in the table" in broken(frame, target="z")
    assert "there is not one row" in broken(frame.clear())
    assert "is the only label" in broken(frame.with_columns(y=pl.lit("yes")))
    assert "has no value in any training row" in broken(frame.with_columns(x=pl.lit(None, dtype=pl.Float64)))
    assert "has no value in any training row" in broken(frame.with_columns(kind=pl.lit("  ")))
    assert "it is the target" in broken(frame.with_columns(y=pl.when(pl.int_range(pl.len()) > 5).then("y")))
    assert "is no number" in broken(frame, kind="regression")
    assert "is negative" in broken(frame.with_columns(times=pl.lit(-1)), kind="counts", target="times")
    assert "holds no word" in broken(frame.with_columns(text=pl.lit("!")), features={"text": "text"})
    assert "cannot be imported" in broken(frame, trainer="nowhere.at_all:fit")


def test_an_empty_column_of_the_installation_plays_no_part():
    frame = table().with_columns(empty=pl.lit(None, dtype=pl.Float64), blank=pl.lit(None, dtype=pl.String))
    told = spec(inputs=["content_posts"], features={"x": "numeric", "kind": "category", "empty": "numeric", "blank": "category"})
    plain = spec(inputs=["content_posts"])
    one, other = train(told, frame, seed=0), train(plain, frame, seed=0)
    assert (one.scores(told, frame.with_columns(empty=pl.lit(3.0))) == other.scores(plain, frame)).all()


def test_rows_without_a_target_are_left_out_and_counted():
    frame = table().with_columns(y=pl.when(pl.int_range(pl.len()) < 40).then(pl.lit(" ")).otherwise("y"))
    judged = fit_and_evaluate(spec(), frame)
    assert judged.split["without_target"] == 40
    assert judged.train_rows + judged.test_rows == 200


def test_two_rows_cannot_be_parted():
    with pytest.raises(PermanentError, match="cannot be parted"):
        fit_and_evaluate(spec(), table(1))


def test_unknown_categories_and_missing_values_are_predicted():
    told = spec(features={"x": "numeric", "kind": "category", "day": "date", "text": "text"})
    model = train(told, table(), seed=0)
    rows = pl.DataFrame({"x": [None, "3"], "kind": ["unheard of", None], "day": [None, "2031-01-01"], "text": [None, "brand new"]})
    assert set(predict(model, told, rows)) <= {"yes", "no"}
    assert feature_values(told, rows).null_count().row(0) == (1, 1, 1, 1)
