"""What a cycle of training costs: every model in one process, beside one process a model with requirements that are guessed from its imports.

    python -m seeding_platform_tests.benchmarks.training [--public FOLDER]

CPU-seconds of this process's children, imports included; both begin with an empty registry and train on the shipped samples. With a folder of
public tables (`telco_churn.csv`, `banking77_train.csv`, `vader_tweets*.tsv`) a third part: nine models, three of them on these, the others on
10,000 rows each, drawn from the shipped samples with their numbers shaken by a tenth of their spread so that no two are alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from seeding_platform.settings import project_root
from seeding_platform_tests.places import Place, place_in

OURS = """
import uuid
from seeding_platform.defs.platform import Platform
from seeding_platform.models import frame_of, shipped_specs
from seeding_platform.models.operations.checking import checked
from seeding_platform.models.operations.data import data_of
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.settings import Settings
from seeding_platform.storage.ml.whose import Whose

platform, said = Platform(Settings()), []
for spec in shipped_specs().values():
    whose = Whose("demo-3pl", spec.name)
    found = checked(platform.bench, whose, spec, data_of(platform.lake, spec, "demo-3pl"))
    tables = {name: platform.lake.read(f"quality/{name}", tenant="demo-3pl") for name in spec.inputs}
    job = next(j for j in platform.bench.jobs.queued() if j.job_id == found.job_id)
    said.append(f"{spec.name} {carry_out(platform.bench, job, Work(spec, lambda t=tables, s=spec: frame_of(s, t), {}, 'bench')).state}")
print("; ".join(said))
"""
NAIVE = """
import sys
import mlflow
from sklearn.ensemble import HistGradientBoostingRegressor
from seeding_platform.defs.platform import Platform
from seeding_platform.models import frame_of, shipped_specs
from seeding_platform.settings import Settings

spec, settings = shipped_specs()[sys.argv[1]], Settings()
platform = Platform(settings)
frame = frame_of(spec, {name: platform.lake.read(f"quality/{name}", tenant="demo-3pl") for name in spec.inputs})
numbers = frame.select([c for c, k in spec.features.items() if str(k) == "numeric" and c in frame.columns])
numbers = numbers.select([c for c in numbers.columns if numbers[c].drop_nulls().n_unique() > 2])
if frame.height < 30 or not numbers.width:
    sys.exit()
mlflow.set_tracking_uri(f"sqlite:///{settings.state}/naive.db")
with mlflow.start_run():
    y = frame[spec.target].cast(float, strict=False).fill_null(0).to_numpy() if spec.target else range(frame.height)
    model = HistGradientBoostingRegressor(max_iter=100).fit(numbers.cast(float, strict=False).to_numpy(), y)
    mlflow.sklearn.log_model(model, name="model", registered_model_name=spec.name, serialization_format="cloudpickle")
"""


OPENED = """
from seeding_platform.defs.platform import Platform
from seeding_platform.settings import Settings

platform = Platform(Settings())
platform.state, platform.registry.client
"""
"""A registry and a state database are made once, not in every cycle."""
NINE = """
import sys, time
import polars as pl
from seeding_platform.defs.platform import Platform
from seeding_platform.models import frame_of, load_spec, shipped_specs
from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.settings import Settings, project_root
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.benchmarks.sentiment import rated_tweets
from seeding_platform_tests.real import real_data

ROWS = 10_000

def shaken(frame):
    drawn = frame.sample(ROWS, with_replacement=True, seed=1)
    noise = pl.int_range(0, pl.len()).shuffle(seed=2) / ROWS - 0.5
    floats = [c for c, t in frame.schema.items() if t.is_float() or t.is_decimal()]
    moved = {c: pl.col(c).cast(pl.Float64) + noise * (pl.col(c).cast(pl.Float64).std() * 0.2).fill_null(0.0) for c in floats}
    return drawn.with_columns(pl.when(pl.col(c).cast(pl.Float64) >= 0).then(m.abs()).otherwise(m).alias(c) for c, m in moved.items())

platform, shipped, examples = Platform(Settings()), shipped_specs(), project_root() / "examples" / "models"
public = {
    "telco_churn": lambda: pl.read_csv(real_data("telco_churn.csv"), infer_schema=False),
    "message_intents": lambda: pl.read_csv(real_data("banking77_train.csv")),
    "sentiment": rated_tweets,
}
said, began = [], time.process_time()
said.append(f"imports {began:.1f}")
names = ("content_performance", "engagement_prediction", "hashtag_effectiveness", "navigation_next", "roi", "segmentation")
held = load_spec(examples / "sentiment.yaml").split  # a gate wants one held-out part
work = [(load_spec(examples / f"{name}.yaml").model_copy(update={"split": held}), read) for name, read in public.items()]
for name in names:
    tables = {t: platform.lake.read(f"quality/{t}", tenant="demo-3pl") for t in shipped[name].inputs}
    work.append((shipped[name], lambda s=shipped[name], t=tables: shaken(frame_of(s, t))))
for spec, read in work:
    before, frame = time.process_time(), read()
    whose = Whose("demo-3pl", spec.name)
    found = checked(platform.bench, whose, spec, Data("1", lambda f=frame: f.height, None))
    job = next(j for j in platform.bench.jobs.queued() if j.job_id == found.job_id)
    ended = carry_out(platform.bench, job, Work(spec, lambda f=frame: f, {}, "bench"))
    said.append(f"{spec.name} {frame.height} rows {ended.state} {time.process_time() - before:.1f}")
print("; ".join(said))
"""


def cpu(work: list[list[str]], place: Place) -> float:
    """CPU-seconds of processes that run one after another."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in work:
        done = subprocess.run(
            command,
            env={**os.environ, **place.environment, "PYTHONPATH": str(project_root())},
            cwd=place.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        if done.stdout.strip():
            print(f"  {done.stdout.strip().splitlines()[-1]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def forget(place: Place) -> None:
    """Take registry and state away; the tables stay."""
    for kept in ("mlflow", "state.db", "state.db-wal", "state.db-shm"):
        path = place.settings.state / kept
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def main() -> None:
    """Seed once, train both ways."""
    from seeding_platform.models import shipped_specs

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--public", type=Path, help="folder of public tables")
    asked.add_argument("--only-public", action="store_true", help="leave the other two out")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder) / "place")
        if place.run("seed", timeout=1800).returncode:
            raise SystemExit("the place could not be seeded")
        if chosen.public is not None:
            forget(place)
            cpu([[sys.executable, "-c", OPENED]], place)
            print(f"nine models in one process: {cpu([[sys.executable, '-c', NINE]], place):.1f} CPU-s with imports")
        if chosen.only_public:
            return
        forget(place)
        ours = cpu([[sys.executable, "-c", OURS]], place)
        print(f"one process for all models: {ours:.1f} CPU-s with imports")
        naive = cpu([[sys.executable, "-c", NAIVE, name] for name in shipped_specs()], place)
        print(f"a process a model, requirements guessed: {naive:.1f} CPU-s, {naive / ours:.1f} times as much")


if __name__ == "__main__":
    main()
