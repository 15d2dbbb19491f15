"""docs/extending.md, followed literally in a temporary folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seeding_platform.settings import project_root

DOC = project_root() / "docs" / "extending.md"
BLOCK = re.compile(r"^```\w+ (file|append|replace)=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the product with every recipe applied."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(project_root() / "seeding_platform", root / "seeding_platform", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(project_root() / "data" / "samples", root / "data" / "samples", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "dagster.yaml"):
        shutil.copy(project_root() / name, root)
    for how, name, text in BLOCK.findall(DOC.read_text(encoding="utf-8")):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if how == "replace":
            old, new = text.split("---\n")
            before = path.read_text(encoding="utf-8")
            assert before.count(old) == 1, f"{name} no longer holds what the recipe replaces"
            path.write_text(before.replace(old, new), encoding="utf-8")
            continue
        with path.open("a" if how == "append" else "x", encoding="utf-8") as stream:
            stream.write(text)
    return root


def run(checkout: Path, code: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SEEDING_")}
    environment |= {"PYTHONPATH": str(checkout), "DAGSTER_HOME": str(checkout), "SEEDING_MIN_FREE_MB": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_every_recipe_has_at_most_five_steps():
    for section in DOC.read_text(encoding="utf-8").split("\n## ")[1:]:
        steps = [int(n) for n in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]
        assert steps == list(range(1, len(steps) + 1)), section.splitlines()[0]
        assert 1 <= len(steps) <= 5, section.splitlines()[0]


@pytest.mark.long
def test_the_source_lands_a_file(checkout):
    (checkout / "my_shop_1.csv").write_text(
        "Bestelnummer;Datum;Bedrag;Status;Klant\nA1;01-07-2026 12:30;1.234,50;paid;K1\nA2;02-07-2026 09:00;abc;paid;K2\n", encoding="utf-8"
    )
    code = """
import sys
from seeding_platform.cli import app
from typer.testing import CliRunner
runner = CliRunner()
checked = runner.invoke(app, ["source", "check", "data/sources/my_shop.yaml"])
assert checked.exit_code == 0, checked.output
landed = runner.invoke(app, ["land", "my_shop_1.csv", "--source", "data/sources/my_shop.yaml"])
assert landed.exit_code == 0, landed.output
from seeding_platform.settings import Settings
from seeding_platform.storage.lake import Lake
lake = Lake(Settings().lake)
kept = lake.read("clean/orders", tenant="default").collect()
print(kept["order_id"].to_list(), kept["amount"].to_list(), kept["created_at"].to_list())
print(lake.read("clean/orders__quarantine", tenant="default").collect()["message"].to_list())
"""
    told = run(checkout, code)
    assert "['A1'] [Decimal('1234.50')]" in told
    assert "datetime.datetime(2026, 7, 1, 10, 30" in told
    assert "my_shop_1.csv, line 3, column amount: 'abc' is no number" in told


@pytest.mark.long
def test_the_table_has_its_assets_and_its_rule(checkout):
    code = """
from seeding_platform.definitions import build_definitions
from seeding_platform.settings import Settings
keys = {"/".join(s.key.path) for s in build_definitions(Settings()).resolve_all_asset_specs()}
assert {"raw/returns", "clean/returns", "clean/returns__quarantine", "quality/returns"} <= keys
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
lineage = {"tenant": "t", "_source": "s", "_batch": "b", "_op": "I", "synthetic": False}
rows = [{"return_id": "1", "order_id": "A", "returned_at": "2026-01-01", "refund": "5.00", "refund_due": "4.00", "_row": 0, **lineage},
        {"return_id": "2", "order_id": "A", "returned_at": "2026-01-01", "refund": "4.00", "refund_due": "4.00", "_row": 1, **lineage}]
result = clean(pl.DataFrame(rows, schema=LANDED["returns"].schema("raw")), LANDED["returns"])
print(result.kept["return_id"].to_list(), result.quarantined["rules"].to_list())
"""
    assert "['2'] [['refund_not_above_due']]" in run(checkout, code)


def test_the_cleaning_rule_quarantines_and_the_synonym_is_understood(checkout):
    code = """
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
posts = LANDED["content_posts"]
row = {"tenant": "t", "_source": "s", "_batch": "b", "_op": "I", "synthetic": False, "account_id": "A", "platform": "X", "text": "t"}
rows = [{"post_id": "1", "status": "scheduled", "_row": 0, **row},
        {"post_id": "2", "status": "scheduled", "scheduled_at": "2026-01-01", "_row": 1, **row},
        {"post_id": "3", "status": "online", "published_at": "2026-01-01", "_row": 2, **row}]
result = clean(pl.DataFrame(rows, schema=posts.schema("raw")), posts)
print(result.quarantined["rules"].to_list(), dict(result.kept.select("post_id", "status").iter_rows()))
"""
    assert run(checkout, code).strip() == "[['scheduled_has_a_date']] {'2': 'scheduled', '3': 'published'}"


def test_the_repair_rule_mends_what_would_have_been_refused(checkout):
    code = """
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.policies import load_policy
from seeding_platform.settings import Settings
posts = LANDED["content_posts"]
table = pl.DataFrame({"post_id": ["1"], "account_id": ["A"], "platform": ["X"], "status": ["draught"]})
result = clean(table, posts, load_policy(posts, Settings().policies))
print(result.kept["status"].to_list(), result.repairs.select("before", "after", "rule").rows())
"""
    assert run(checkout, code).strip() == "['draft'] [('draught', 'draft', 'no_draughts')]"


def test_the_example_policies_are_valid():
    from seeding_platform.catalog import LANDED
    from seeding_platform.cleaning.policies import load_policy
    from seeding_platform.governance.processing import load_processing

    files = sorted((project_root() / "examples" / "policies").glob("*.yaml"))
    assert files
    cleaning = [file for file in files if "." not in file.stem]
    assert cleaning
    for file in cleaning:
        assert load_policy(LANDED[file.stem], file.parent).repairs, file.name
    for file in (f for f in files if f.name.endswith(".processing.yaml")):
        assert load_processing(LANDED[file.name.partition(".")[0]], file.parent).purposes, file.name


@pytest.mark.long
def test_the_model_is_trained_on_a_frame_of_its_columns_and_stands_in_the_graph(checkout):
    code = """
import datetime as dt, random
import polars as pl
from seeding_platform.defs.train.assets import model_assets
from seeding_platform.models import fit_and_evaluate, shipped_spec, shipped_specs

draw, spec = random.Random(1), shipped_spec("reach")
hours = [draw.randrange(24) for _ in range(200)]
frame = pl.DataFrame({"platform": ["X"] * 200, "hour": hours, "log_reach": [h / 4 + draw.gauss(0, 0.2) for h in hours],
                      "published_at": [dt.datetime(2026, 1, 1) + dt.timedelta(hours=i) for i in range(200)], "synthetic": [False] * 200})
print(fit_and_evaluate(spec, frame).beats_baseline(spec))
print([k.path for k in model_assets(list(shipped_specs().values())).keys if k.path[-1] == "reach"])
"""
    assert run(checkout, code).split() == ["True", "[['model',", "'reach']]"]


def test_the_frame_of_the_model_is_made_of_the_tables(checkout):
    code = """
import datetime as dt
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.models import frame_of, shipped_spec
base = {"tenant": "t", "_source": "s", "_batch": "b", "_row": 0, "synthetic": False, "flags": [], "quality_score": 99.0, "confidence": 0.9}
tables = {name: LANDED[name].empty("quality").lazy() for name in shipped_spec("reach").inputs}
def made(name, row):
    schema = LANDED[name].schema("quality")
    return pl.DataFrame([dict.fromkeys(schema) | base | row], schema=schema).lazy()
at = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
post = {"post_id": "1", "account_id": "a", "platform": "X", "status": "published", "published_at": at, "text": "t", "hashtags": [], "mentions": []}
tables["content_posts"] = made("content_posts", post)
tables["content_analytics"] = made("content_analytics", {"post_id": "1", "measured_at": at + dt.timedelta(days=1), "reach": 0, "likes": 1})
print(frame_of(shipped_spec("reach"), tables).select("platform", "hour", "log_reach", "synthetic").rows())
"""
    assert run(checkout, code).strip() == "[('X', 14, 0.0, False)]"


def test_the_own_trainer_is_judged(checkout):
    code = """
import random
import polars as pl
from seeding_platform.models import ModelSpec, fit_and_evaluate
draw = random.Random(1)
x = [draw.gauss(0, 1) for _ in range(300)]
frame = pl.DataFrame({"x": [*x[:-1], None], "kind": ["a", "b", None] * 100, "y": [v + draw.gauss(0, 0.3) > 0 for v in x]})
spec = ModelSpec(name="own", kind="classification", target="y", features={"x": "numeric", "kind": "category"}, metric="auc",
                 trainer="my_trainer:train_logistic")
judged = fit_and_evaluate(spec, frame)
print(judged.value > 0.9, judged.beats_baseline(spec), judged.size_bytes)
"""
    assert run(checkout, code).strip() == "True True None"


def test_the_metric_is_a_ratio_of_sums(checkout):
    code = """
import datetime as dt
import polars as pl
from seeding_platform.analytics.daily import ads_daily
from seeding_platform.catalog import LANDED
schema = LANDED["ad_facts"].schema("quality")
row = dict.fromkeys(schema) | {"tenant": "t", "date": dt.date(2026, 9, 1), "platform": "Google", "spend": 3, "clicks": 2}
print(ads_daily(pl.DataFrame([row, row | {"spend": 5}], schema=schema).lazy())["cpc"].to_list())
"""
    assert run(checkout, code).strip() == "[2.0]"


def test_the_engine_gets_its_bundle(checkout):
    code = """
import datetime as dt
from pathlib import Path
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import inconsistencies, load_engines
from seeding_platform.distribution.bundle import build_bundle
from seeding_platform.distribution.feeds import FEEDS, FeedContext
from seeding_platform.distribution.manifest import Lineage
from seeding_platform.distribution.verify import verify_bundle
engines = load_engines()
assert inconsistencies(engines) == []
engine = engines["workflow_watch"]
schema = LANDED["workflow_executions"].schema("quality")
row = dict.fromkeys(schema) | {"tenant": "t", "execution_id": "1", "workflow_name": "w", "synthetic": False, "confidence": 0.9}
made = build_bundle(engine, FEEDS["workflow_watch"], {"workflow_executions": pl.DataFrame([row], schema=schema).lazy()}, tenant="t", root=Path("b"),
                    lineage=Lineage(run_id="r", code_version="1"), quality={}, now=dt.datetime.now(dt.UTC), context=FeedContext(tenant="t", seed=1))
print(verify_bundle(made.path).rows)
"""
    assert run(checkout, code).strip() == "1"


def test_the_word_is_understood(checkout):
    (checkout / "facts.csv").write_text("date,spend,clicks,impressions,conversions\n2026-09-01,5,1,10,2\n", encoding="utf-8")
    code = """
from pathlib import Path
from seeding_platform.analytics import answer
from seeding_platform.analytics.facts import read_fact_table
from seeding_platform.storage.snapshots import Snapshot
print(answer("sales value yesterday", snapshot=Snapshot.of(read_fact_table(Path("facts.csv")))).rows)
"""
    assert run(checkout, code).strip() == "[{'revenue': 200.0}]"


def test_the_declared_engine_has_its_asset_and_rows(checkout):
    code = """
from pathlib import Path
import dagster as dg
import polars as pl
from seeding_platform.catalog import LANDED
from seeding_platform.components.engine import load_own_engines
from seeding_platform.definitions import build_definitions
from seeding_platform.distribution.feeds import FeedContext
from seeding_platform.settings import Settings
defs = build_definitions(Settings(engines=Path("data/engines").resolve()))
print(dg.AssetKey(["bundle", "late_orders"]) in {key for asset in defs.assets for key in getattr(asset, "keys", [])})
(declared,) = load_own_engines(Path("data/engines")).valid
schema = LANDED["orders"].schema("quality")
rows = [dict.fromkeys(schema) | {"tenant": "t", "order_id": str(n), "amount": n, "synthetic": False} for n in range(3)]
print(declared.as_feed().build({"orders": pl.DataFrame(rows, schema=schema).lazy()}, FeedContext(tenant="t", seed=1))["order_amount"].to_list())
"""
    assert run(checkout, code).split("\n")[:2] == ["True", "[1.0, 2.0]"]
