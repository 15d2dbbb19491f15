"""The benchmark takes every row through the real stages; no word about time."""

import json

import polars as pl
import pytest

from seeding_platform.storage.lake import Lake
from seeding_platform_tests.benchmarks.generate import TENANT, dirt, generate
from seeding_platform_tests.benchmarks.pipeline import ENGINE, MEASURED, main, raw_to_bundle

ROWS = 2_000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    stages = raw_to_bundle(generate(folder / "files", ROWS), folder)
    return folder, stages


@pytest.mark.parametrize("contract", MEASURED)
def test_every_row_ends_where_it_should(made, contract):
    lake = Lake(made[0] / "lake")
    repeated, broken = dirt(ROWS)

    def rows(table: str) -> int:
        return lake.read(table).select(pl.len()).collect().item()

    assert rows(f"raw/bench_{contract}__main") == rows(f"raw/{contract}") == ROWS
    assert rows(f"clean/{contract}__duplicates") == repeated
    assert rows(f"clean/{contract}__quarantine") == broken
    assert rows(f"clean/{contract}") == rows(f"quality/{contract}") == ROWS - repeated - broken


def test_the_bundle_holds_what_was_measured(made):
    folder, _ = made
    (manifest,) = (folder / "bundles" / TENANT / ENGINE).rglob("manifest.json")
    kept = ROWS - sum(dirt(ROWS))
    both = Lake(folder / "lake")
    expected = both.read("quality/content_posts").join(both.read("quality/content_analytics"), on="post_id", how="semi").collect().height
    assert 0.9 * kept < json.loads(manifest.read_text())["rows"] == expected


def test_each_stage_is_timed(made):
    assert list(made[1]) == [
        "read file",
        "write raw/<source>",
        "map and union",
        "write raw/<contract>",
        "clean",
        "write clean",
        "assess",
        "write quality",
        "build and verify bundle",
    ]
    assert all(cost.wall > 0 for cost in made[1].values())


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one, two = generate(tmp_path / "a", 500), generate(tmp_path / "b", 500)
    assert {name: path.read_bytes() for name, path in one.items()} == {name: path.read_bytes() for name, path in two.items()}


@pytest.mark.long
def test_it_prints_a_table_and_json(capsys):
    main(["--rows", "500"])
    said = capsys.readouterr().out
    assert "bare read_csv + parquet" in said
    assert "peak MiB" in said
    main(["--rows", "500", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [run["rows"] for run in found] == [50, 500]
    assert set(found[1]["stages"]) >= {"clean", "total", "bare copy"}
