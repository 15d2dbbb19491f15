"""The seeding experiment on made tables: it finds help, harm and nothing, tells nothing of held-out rows, and says why it cannot be run."""

import itertools
import json

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.errors import ConfigError, ContractBroken
from seeding_platform.models import seeding_experiment as room
from seeding_platform.models.seeding_experiment import seeding_experiment
from seeding_platform_tests.models.made import spec, table

SMALL = {"sizes": (10, 30), "draws": 3}
QUICK = {"params": {"max_iter": 12, "learning_rate": 0.3}}
JUDGED = spec(metric="auc", positive="yes", floor=0.9, **QUICK)


def test_rows_of_the_same_kind_help_most_where_there_are_few_labels():
    found = seeding_experiment(JUDGED, table(260), table(400, seed=2), **SMALL)
    few, more = found.rungs
    assert (few.labels, more.labels, few.draws) == (10, 30, 3)
    assert few.gain > more.gain > 0
    assert few.ci_low > 0, found.says
    assert few.gain == pytest.approx(few.warm - few.cold)
    assert (found.seed_rows, found.held_out, found.own_rows) == (400, 78, 182)
    assert found.seed_alone > 0.9
    assert (found.cold_needs, found.warm_needs) == (30, 0)


def test_rows_that_say_the_opposite_do_harm_and_it_is_shown():
    turned = table(400, seed=2).with_columns(y=pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes")))
    found = seeding_experiment(JUDGED, table(260), turned, **SMALL)
    assert all(rung.ci_high < 0 for rung in found.rungs), found.says
    assert found.seed_alone < 0.5
    assert "-0." in found.says


def test_of_an_error_less_is_a_gain():
    numbers = spec(kind="regression", target="number", metric="mae", features={"x": "numeric", "kind": "category"}, **QUICK)
    found = seeding_experiment(numbers, table(260), table(400, seed=2), **SMALL)
    assert found.direction == "down"
    assert all(r.warm < r.cold and r.gain > 0 for r in found.rungs)
    assert (found.floor, found.cold_needs, found.warm_needs) == (None, None, None)


def test_labels_that_few_draws_know_count_the_same_for_both():
    several = spec(target="several", metric="f1", features={"x": "numeric", "text": "category"}, **QUICK)
    (rung, _) = seeding_experiment(several, table(260), table(300, seed=2), sizes=(4, 30), draws=3).rungs
    assert 0 < rung.cold < rung.warm < 1


def test_made_up_rows_are_the_package_and_are_never_judged_by():
    frame = pl.concat([table(200).with_columns(synthetic=False), table(300, seed=3).with_columns(synthetic=True)])
    found = seeding_experiment(JUDGED, frame, **SMALL)
    assert (found.own_rows + found.held_out, found.seed_rows) == (200, 300)
    assert found.rungs[0].gain > 0


def test_nothing_of_a_held_out_row_is_in_what_is_trained_on(monkeypatch):
    """The package holds every own row, with the label turned: only copies of held-out rows go, and repeats of own rows were one."""
    own = table(200)
    copies = pl.concat([own.with_columns(y=pl.lit("yes")), table(50, seed=5)])
    seen, judged = [], []
    fit, score = room.train, room.scored
    monkeypatch.setattr(room, "train", lambda told, rows, **k: (seen.append(rows), fit(told, rows, **k))[1])
    monkeypatch.setattr(room, "scored", lambda model, told, rows: (judged.append(rows), score(model, told, rows))[1])
    found = seeding_experiment(JUDGED, pl.concat([own, own.head(40)]), copies, **SMALL)
    assert (found.left_out, found.seed_rows) == (60, 190)
    (held,) = {tuple(j["x"].to_list()) for j in judged}
    assert len(held) == 60
    assert not set(held) & set(itertools.chain.from_iterable(rows["x"].to_list() for rows in seen))


def test_groups_and_later_moments_are_left_out_of_the_package():
    frame, more = table(200), table(200, seed=2)
    grouped = spec(group="account", metric="auc", positive="yes", **QUICK)
    found = seeding_experiment(grouped, frame, more, **SMALL)
    assert found.left_out == more.filter(~pl.col("account").is_in(_accounts(grouped, frame))).height
    timed = spec(time="at", split={"kind": "time"}, metric="auc", positive="yes", **QUICK)
    found = seeding_experiment(timed, frame, more, **SMALL)
    assert (found.seed_rows, found.left_out) == (140, 60), "the package ends where the held-out rows begin"


def _accounts(told, frame):
    from seeding_platform.models import split_rows

    return split_rows(told, frame)[0]["account"].unique().to_list()


def test_the_same_seed_draws_the_same():
    told = [seeding_experiment(JUDGED, table(200), table(100, seed=2), sizes=(20,), draws=3, seed=s, clock=lambda: 0.0) for s in (1, 1, 2)]
    assert told[0] == told[1] != told[2]
    assert told[0].rungs[0].warm_cpu_s == 0.0


@pytest.mark.parametrize(
    ("frame", "package", "says"),
    [
        (table(200), None, "no labelled row from outside"),
        (table(200), table(5).with_columns(y=pl.lit(None, dtype=pl.String)), "no labelled row from outside"),
        (table(60), table(50, seed=2), "18 held out"),
        (table(200), table(200), "could not be told"),
        (table(1), table(50, seed=2), "1 labelled row"),
    ],
)
def test_what_cannot_be_tried_says_why(frame, package, says):
    one_label = frame.with_columns(y=pl.lit("yes")) if says == "could not be told" else frame
    found = seeding_experiment(JUDGED, one_label, package, **SMALL)
    assert found.rungs == ()
    assert found.says.startswith("not run: ")
    assert says in found.says


def test_groups_of_rows_have_no_labels_and_wrong_questions_are_refused():
    groups = spec(kind="clustering", target=None, metric="stability", floor=0.5, params=None, features={"x": "numeric"})
    assert "no labels" in seeding_experiment(groups, table(200), table(100)).says
    with pytest.raises(ConfigError, match="at least one draw"):
        seeding_experiment(JUDGED, table(200), table(100), draws=0)
    with pytest.raises(ContractBroken, match="kind"):
        seeding_experiment(JUDGED, table(200), table(100, seed=2).drop("kind"), **SMALL)


def run(*arguments: str):
    return CliRunner().invoke(app, ["model", "experiment", *arguments])


@pytest.fixture
def files(tmp_path):
    facts = JUDGED.model_dump(mode="json", exclude_unset=True)
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(facts), encoding="utf-8")
    table(200).write_csv(tmp_path / "own.csv")
    table(300, seed=2).write_parquet(tmp_path / "others.parquet")
    return tmp_path


def test_the_command_tells_programs_and_people(files):
    given = ("--spec", str(files / "spec.yaml"), "--data", str(files / "own.csv"), "--labels", "12,30", "--draws", "3")
    more = ("--seed-data", str(files / "others.parquet"))
    told = json.loads(run(*given, *more, "--json").stdout)
    assert [r["labels"] for r in told["rungs"]] == [12, 30]
    assert (told["model"], told["seed_rows"], told["draws"]) == ("toy", 300, 3)
    people = run(*given, *more)
    assert people.exit_code == 0
    for word in ("toy: auc", "300 rows of the seed package", "95 % interval", "The package alone", "floor of 0.9"):
        assert word in people.stdout, people.stdout
    without = run(*given)
    assert (without.exit_code, "not run" in without.stdout) == (1, True)
    assert run(*given, "--labels", "few").exit_code == 2
