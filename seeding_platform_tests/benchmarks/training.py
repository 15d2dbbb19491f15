"""What a cycle of training costs: every model in one process, beside one process a model with requirements that are guessed from its imports.

    python -m seeding_platform_tests.benchmarks.training

CPU-seconds of this process's children, imports included; both begin with an empty registry and train on the shipped samples.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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
if frame.height < 30 or not numbers.width:
    sys.exit()
mlflow.set_tracking_uri(f"sqlite:///{settings.state}/naive.db")
with mlflow.start_run():
    y = frame[spec.target].cast(float, strict=False).fill_null(0).to_numpy() if spec.target else range(frame.height)
    model = HistGradientBoostingRegressor(max_iter=100).fit(numbers.cast(float, strict=False).to_numpy(), y)
    mlflow.sklearn.log_model(model, name="model", registered_model_name=spec.name, serialization_format="cloudpickle")
"""


def cpu(work: list[list[str]], place: Place) -> float:
    """CPU-seconds of processes that run one after another."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in work:
        done = subprocess.run(command, env={**os.environ, **place.environment}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        if done.stdout.strip():
            print(f"  {done.stdout.strip().splitlines()[-1]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Seed once, train both ways."""
    from seeding_platform.models import shipped_specs

    with tempfile.TemporaryDirectory() as folder:
        place = place_in(Path(folder) / "place")
        if place.run("seed").returncode:
            raise SystemExit("the place could not be seeded")
        for kept in ("mlflow", "state.db", "state.db-wal", "state.db-shm"):
            path = place.settings.state / kept
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        ours = cpu([[sys.executable, "-c", OURS]], place)
        print(f"one process for all models: {ours:.1f} CPU-s with imports")
        naive = cpu([[sys.executable, "-c", NAIVE, name] for name in shipped_specs()], place)
        print(f"a process a model, requirements guessed: {naive:.1f} CPU-s, {naive / ours:.1f} times as much")


if __name__ == "__main__":
    main()
