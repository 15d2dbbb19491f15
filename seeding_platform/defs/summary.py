"""What a person reads after a run, and what `seeding status` says: read back from the lake, the registry and the bundles."""

from collections.abc import Iterator
from typing import Any

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.run import RunResult
from seeding_platform.distribution.verify import current_bundles
from seeding_platform.models import shipped_specs
from seeding_platform.quality.report import QualityReport, quality_report
from seeding_platform.quality.scorecard import scorecard
from seeding_platform.settings import Settings
from seeding_platform.storage.ml.jobs import JobState
from seeding_platform.storage.ml.whose import PRODUCTION

ENDED: tuple[JobState, ...] = ("succeeded", "no_change", "skipped", "failed")


def standing(settings: Settings) -> dict[str, Any]:
    """What stands now, as plain data."""
    platform = Platform(settings)
    report = quality_report(platform.lake, list(LANDED.values()), gates=platform.gate_of)
    return {
        "tables": len(platform.lake.tables()),
        "quality": report.as_dict(),
        "scorecard": scorecard(report).to_dicts(),
        "models": _models(platform, report),
        "bundles": [
            {
                "tenant": b.tenant,
                "engine": b.engine,
                "rows": b.bundle.rows if b.bundle else None,
                "generation": b.bundle.generation if b.bundle else None,
                "reason": b.bundle.reason if b.bundle else b.problem,
                "whole": b.bundle is not None,
            }
            for b in current_bundles(settings.bundles)
        ],
    }


def _models(platform: Platform, report: QualityReport) -> list[dict[str, Any]]:
    """Per tenant and model: the version that serves and how good it is, and how the newest training ended."""
    tenants = sorted({t for table in report.tables for t in table.tenants})
    told = []
    for tenant in tenants:
        standings = {s.whose.model: s for s in platform.bench.standings.all(tenant=tenant) if s.whose.environment == PRODUCTION}
        for name, spec in shipped_specs().items():
            standing = standings.get(name)
            job = None if standing is None else platform.bench.jobs.last(standing.whose, states=ENDED)
            told.append(
                {
                    "model": f"{tenant}.{name}", "version": standing.version if standing else None, "metric": spec.metric,
                    "value": standing.value if standing else None, "state": job.state if job else "untrained", "says": job.says if job else "",
                }
            )  # fmt: skip
    return told


def _told(model: dict[str, Any]) -> str:
    """What serves, and what the newest training came to where that is another story."""
    if model["version"] is None:
        return f"none serves: {model['says']}"
    serves = f"version {model['version']} serves"
    return str(model["says"]) if model["says"].startswith(serves) else f"{serves}; the newest training: {model['says']}"


def summary_lines(settings: Settings, result: RunResult) -> Iterator[str]:
    """The end of a run: what stands, what went wrong, where to look."""
    yield ""
    yield from status_lines(settings)
    for failure in result.failures:
        yield f"FAILED  {failure}"
    for check in result.failed_checks:
        yield f"REFUSED {check}"
    yield ""
    yield f"Run {result.run_id[:8]} {'succeeded' if result.success else 'FAILED'} in {result.seconds:.0f} s."
    yield f"Look next: {settings.state / 'reports' / 'quality.html'}"
    yield "           `make ui` for the graph on http://127.0.0.1:3000, `seeding tables`, `seeding show kpi/ads_daily`"
    yield '           `make serve` for pages and API, `seeding ask "CAC by platform last 30 days"`'


def status_lines(settings: Settings) -> Iterator[str]:
    """What stands, for people."""
    now = standing(settings)
    yield f"{'table':<24}{'in':>8}{'kept':>8}{'merged':>8}{'quarant.':>9}{'score':>7}{'conf.':>7}  gate"
    for table in now["quality"]["tables"]:
        score = "–" if table["score"] is None else f"{table['score']:.1f}"
        confidence = "–" if table["confidence"] is None else f"{table['confidence']:.2f}"
        counts = f"{table['rows_in']:>8,}{table['kept']:>8,}{table['merged']:>8,}{table['quarantined']:>9,}"
        yield f"{table['table']:<24}{counts}{score:>7}{confidence:>7}  {'open' if table['passed'] else 'CLOSED'}"
    if now["quality"]["waiting"]:
        yield f"waiting for a source: {', '.join(now['quality']['waiting'])}"
    yield ""
    for model in (m for m in now["models"] if m["state"] != "untrained"):
        yield f"model {model['model']}: {_told(model)}"
    yield ""
    titles = {name: engine.title for name, engine in shipped_engines().items()}
    for bundle in now["bundles"]:
        state = f"rows {bundle['rows']:,}" if bundle["rows"] else f"empty: {bundle['reason']}" if bundle["whole"] else f"BROKEN: {bundle['reason']}"
        yield f"bundle {bundle['tenant']}/{bundle['engine']:<30} {state}"
    fed = sum(1 for b in now["bundles"] if b["rows"])
    yield f"{now['tables']} tables; {fed} of {len(now['bundles'])} bundles hold rows, for {len(titles)} engines"
