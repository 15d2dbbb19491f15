"""A table is scored by the version that serves: from the command line, whole or not at all."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from seeding_platform.cli import app
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import ConfigError
from seeding_platform.models import train
from seeding_platform.models.operations import scoring
from seeding_platform.models.operations.scoring import scored_table
from seeding_platform_tests.models.made import RELATION, relation, spec, table, trained
from seeding_platform_tests.places import place_in


def test_every_row_has_an_answer_and_keeps_its_columns(monkeypatch):
    frame, told = table(120), spec()
    model = train(told, frame, seed=0)
    found = scored_table(told, model, frame)
    assert found.columns == [*frame.columns, "prediction", "probability", "score"]
    assert found.select(frame.columns).equals(frame)
    assert found["score"].to_list() == model.scores(told, frame)[:, 1].tolist()
    assert (found["prediction"] == found["y"]).mean() > 0.9
    monkeypatch.setattr(scoring, "_AT_ONCE", 50)
    assert scored_table(told, model, frame).equals(found)
    with pytest.raises(ConfigError, match="'prediction' already"):
        scored_table(told, model, found)


def test_a_file_is_scored_from_the_command_line(tmp_path, monkeypatch):
    place = place_in(tmp_path / "place")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    rows = relation(0.5, rows=600).rename({"at": "when"})
    rows.write_csv(tmp_path / "rows.csv")
    files = ["--data", str(tmp_path / "rows.csv"), "--to", str(tmp_path / "scored.parquet")]
    command = ["model", "predict", "toy", *files, "--tenant", "acme", "--json"]
    asked = CliRunner().invoke(app, command)
    assert asked.exit_code == 1
    assert "No version of acme.toy serves" in str(asked.exception)
    bench = Platform(place.settings).bench
    assert trained(bench, RELATION, relation(0.5, rows=600), tenant="acme").verdict == "deploy"
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"model": "toy", "tenant": "acme", "version": "1", "rows": 600, "file": str(tmp_path / "scored.parquet")}
    scored = pl.read_parquet(tmp_path / "scored.parquet")
    assert (scored["prediction"] - scored["y"].cast(pl.Float64)).abs().mean() < 1
    (tmp_path / "rows.csv").write_text("kind,x,empty\na,many,\n")
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 1
    assert "value 'many' in row 0" in str(refused.exception)
    assert pl.read_parquet(tmp_path / "scored.parquet").equals(scored)
