"""`seeding model evaluate` on tables of one's own: files of every form, one JSON object, and errors that say what to do."""

import gzip
import json

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from seeding_platform.cli import app, main
from seeding_platform_tests.models.made import spec, table

PLAIN = {"name": "mine", "kind": "classification", "target": "y", "features": {"x": "numeric", "kind": "category"}, "params": {"max_iter": 20}}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(PLAIN | {"slices": ["kind"], "metric": "auc", "floor": 0.6}), encoding="utf-8")
    frame = table(200)
    frame.write_csv(tmp_path / "data.csv")
    frame.write_csv(tmp_path / "data.tsv", separator="\t")
    frame.write_parquet(tmp_path / "data.parquet")
    frame.write_ndjson(tmp_path / "data.ndjson")
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress((tmp_path / "data.csv").read_bytes()))
    return tmp_path


def run(place, *arguments: str, spec_file: str = "spec.yaml"):
    paths = [str(place / a) if a.startswith(("data", "train", "test", "bad")) else a for a in arguments]
    return CliRunner().invoke(app, ["model", "evaluate", "--spec", str(place / spec_file), *paths])


@pytest.mark.parametrize("file", ["data.csv", "data.tsv", "data.parquet", "data.ndjson", "data.csv.gz"])
def test_one_object_in_the_form_of_the_contract(place, file):
    done = run(place, "--data", file, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {"metrics", "slices", "calibration", "latency_ms", "split"} <= set(told)
    for figure in told["metrics"].values():
        assert set(figure) == {"value", "ci_low", "ci_high", "n"}
    assert told["metrics"]["auc"]["ci_low"] <= told["metrics"]["auc"]["value"] <= told["metrics"]["auc"]["ci_high"]
    assert told["metrics"]["auc"]["n"] == told["split"]["test_rows"] == 60
    assert set(told["slices"]["kind"]) == {"a", "b", "c"}
    assert (told["meets_floor"], told["beats_dummy"], told["floor"]) == (True, True, 0.6)
    assert "Training and judging" in done.stderr


def test_a_table_that_people_read(place):
    done = run(place, "--data", "data.csv")
    assert done.exit_code == 0
    for word in ("mine: auc", "The floor of 0.6 is kept.", "95 % interval", "auc by kind", "expected calibration error", "One prediction takes"):
        assert word in done.stdout


def test_a_file_each_for_training_and_judging(place):
    frame = table(200)
    frame.head(150).write_csv(place / "train.csv")
    frame.tail(50).write_csv(place / "test.csv")
    told = json.loads(run(place, "--train", "train.csv", "--test", "test.csv", "--json").stdout)
    assert (told["split"]["kind"], told["split"]["train"], told["split"]["test"]) == ("given", "train.csv", "test.csv")
    assert (told["split"]["train_rows"], told["split"]["test_rows"]) == (150, 50)
    same = json.loads(run(place, "--data", "train.csv", "--test", "test.csv", "--json").stdout)
    assert same["metrics"] == told["metrics"]


def test_blank_numbers_are_missing_and_other_words_are_refused(place):
    lines = (place / "data.csv").read_text().splitlines()
    blank = [lines[0], *(line if n % 9 else " ," + line.split(",", 1)[1] for n, line in enumerate(lines[1:]))]
    (place / "data.csv").write_text("\n".join(blank) + "\n")
    assert run(place, "--data", "data.csv", "--json").exit_code == 0
    blank[5] = "unknown," + blank[5].split(",", 1)[1]
    (place / "bad.csv").write_text("\n".join(blank) + "\n")
    done = run(place, "--data", "bad.csv")
    assert done.exit_code == 1
    assert "column 'x' value 'unknown' in row" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["--data", "data.nothing"], 2), (["--test", "data.csv"], 2), (["--data", "data.csv", "--folds", "3"], 2)],
)
def test_what_is_asked_wrongly_is_usage(place, arguments, code):
    assert run(place, *arguments).exit_code == code


def test_failures_are_one_message_and_exit_1(place, monkeypatch, capsys):
    (place / "bad.csv").write_text("x,kind,kind,y\n1,a,b,yes\n")
    (place / "bad.yaml").write_text(yaml.safe_dump(PLAIN | {"metric": "rmse"}))
    (place / "given.yaml").write_text(yaml.safe_dump(PLAIN | {"split": {"kind": "given"}}))
    cases = [
        ("spec.yaml", "bad.csv", "several columns called 'kind'"),
        ("bad.yaml", "data.csv", "'rmse' does not judge classification"),
        ("given.yaml", "data.csv", "Give --test FILE"),
    ]
    for spec_file, data, says in cases:
        monkeypatch.setattr("sys.argv", ["seeding", "model", "evaluate", "--spec", str(place / spec_file), "--data", str(place / data)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 1
        assert says in capsys.readouterr().err


def test_groups_and_numbers_are_told_too(place):
    for told in (
        {"kind": "clustering", "target": None, "params": None},
        {"kind": "counts", "target": "times"},
        {"kind": "regression", "target": "number", "floor": 3},
    ):
        (place / "spec.yaml").write_text(yaml.safe_dump({k: v for k, v in (PLAIN | told).items() if v is not None}))
        assert spec(**(PLAIN | told)).kind == told["kind"]
        assert json.loads(run(place, "--data", "data.csv", "--json").stdout)["calibration"] is None
        assert run(place, "--data", "data.csv").exit_code == 0


def written(place, **told) -> None:
    (place / "spec.yaml").write_text(yaml.safe_dump({k: v for k, v in (PLAIN | told).items() if v is not None}))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"params": {"learning_rate": -1}}, "-1 is not a number between 0.0001 and 1"),
        ({"params": {"learning_rate": "x"}}, "'x' is not a number"),
        ({"params": {"max_iter": 2.5}}, "2.5 is not a whole number"),
        ({"params": {"learnin_rate": 0.1}}, "params.learnin_rate: classification reads no such parameter"),
        ({"kind": "next_item", "params": {"method": "tree"}}, "'tree' is not one of chain, trees"),
        ({"kind": "clustering", "target": None, "params": {"clusters": 900}}, "Ask for fewer groups"),
    ],
)
def test_parameters_that_nobody_reads_are_refused(place, told, says):
    written(place, **told)
    done = run(place, "--data", "data.csv")
    assert done.exit_code == 1
    assert says in str(done.exception)


def test_an_error_names_the_row_of_the_file(place):
    lines = (place / "data.csv").read_text().splitlines()
    lines[42] = "forty," + lines[42].split(",", 1)[1]
    (place / "bad.csv").write_text("\n".join(lines) + "\n")
    assert "value 'forty' in row 41" in str(run(place, "--data", "bad.csv").exception)
    assert "value 'forty' in row 41" in str(run(place, "--train", "data.csv", "--test", "bad.csv").exception)
    written(place, kind="regression", target="number")
    frame = table(200).with_columns(number=pl.when(pl.int_range(pl.len()) == 150).then(pl.lit("many")).otherwise(pl.col("number").cast(pl.String)))
    frame.write_csv(place / "bad.csv")
    assert "value 'many' in row 150" in str(run(place, "--data", "bad.csv").exception)


def test_semicolons_are_read_and_other_signs_than_utf8_are_explained(place):
    table(200).write_csv(place / "data.csv", separator=";")
    assert run(place, "--data", "data.csv", "--json").exit_code == 0
    (place / "data.csv").write_bytes("x,kind,y\n1,café,yes\n".encode("cp1252"))
    assert "CSV UTF-8" in str(run(place, "--data", "data.csv").exception)


def test_rows_on_both_sides_and_without_target_are_told(place):
    frame = table(200).with_columns(y=pl.when(pl.int_range(pl.len()) >= 20).then("y"))
    frame.write_csv(place / "train.csv")
    frame.write_csv(place / "test.csv")
    done = run(place, "--train", "train.csv", "--test", "test.csv")
    assert "180 of the rows that judge were trained on too" in done.stdout
    assert "40 rows have no y and were left out." in done.stdout
    assert "trained on too" not in run(place, "--data", "train.csv").stdout


def test_a_floor_that_is_not_kept_is_a_failure_and_guardrails_are_told(place):
    written(place, floor=0.9999, guardrails={"latency_ms": 0.0001}, minimum_rows=5000)
    done = run(place, "--data", "data.csv", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["meets_floor"], told["enough_rows"]) == (1, False, False)
    assert "latency_ms" in told["broken_guardrails"][0]
    text = run(place, "--data", "data.csv").stdout
    for says in ("not kept", "Guardrail: latency_ms", "asks for 5,000 rows"):
        assert says in text


def test_figures_of_ones_own_are_told_by_slice(place):
    written(place, metrics={"right": "avg(CAST(truth = prediction AS DOUBLE))"}, metric="right", direction="up", slices=["kind"])
    told = json.loads(run(place, "--data", "data.csv", "--json").stdout)
    assert set(told["slices"]["kind"]) == {"a", "b", "c"}
    assert all(0.5 < figure["value"] <= 1 for figure in told["slices"]["kind"].values())


def test_parameters_are_searched_within_a_budget(place):
    done = CliRunner().invoke(
        app, ["model", "search", "--spec", str(place / "spec.yaml"), "--data", str(place / "data.csv"), "--cpu-seconds", "0.5", "--json"]
    )
    assert done.exit_code == 0, done.output
    written(place, params=json.loads(done.stdout)["params"] or None)
    assert run(place, "--data", "data.csv").exit_code == 0


def test_the_dummy_of_grouped_folds_tells_nothing_apart(place):
    written(place, metric="auc", group="account", split={"kind": "kfold", "folds": 5})
    assert json.loads(run(place, "--data", "data.csv", "--json").stdout)["dummy"]["auc"]["value"] == 0.5
