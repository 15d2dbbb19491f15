"""The code location as a whole: it loads, every asset says what it is, and layers are read in one direction only."""

import dagster as dg
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import load_engines
from seeding_platform.catalog.tables.enriched import ENRICHED
from seeding_platform.definitions import build_definitions
from seeding_platform.defs.doctor import examined
from seeding_platform.models import shipped_specs
from seeding_platform_tests.places import place_in

LAYERS = ["raw", "clean", "quality", "model", "enriched", "bundle", "kpi"]


@pytest.fixture(scope="module")
def defs(tmp_path_factory) -> dg.Definitions:
    place = place_in(tmp_path_factory.mktemp("location") / "place")
    place.source()
    return build_definitions(place.settings)


def test_it_loads(defs):
    dg.Definitions.validate_loadable(defs)
    assert len(defs.resolve_all_asset_specs()) > 100


def test_the_keys_are_those_that_contracts_engines_and_sources_make(defs):
    keys = {"/".join(s.key.path) for s in defs.resolve_all_asset_specs()}
    tables = {f"{layer}/{name}" for name in LANDED for layer in ("raw", "clean", "quality")}
    sides = {f"clean/{name}__{side}" for name in LANDED for side in ("quarantine", "duplicates", "repairs")}
    sides |= {f"quality/{name}__calibration" for name in LANDED}
    sides |= {f"clean/{name}__{side}" for name, contract in LANDED.items() if contract.text for side in ("clusters", "index")}
    bundles = {f"bundle/{name}" for name in load_engines()}
    fixed = {
        "quality/report",
        "quality/scorecard",
        "quality/monitors",
        "quality/recommendations",
        "quality/personal_columns",
        "quality/controls",
        "quality/bias",
        "quality/expectations",
        "quality/seeding_experiment",
        *(f"model/{name}" for name in shipped_specs()),
        *(f"enriched/{name}" for name in ENRICHED),
        "enriched/customer_scores",
        "kpi/ads_daily",
        "kpi/learning_insights",
        "kpi/serving_snapshot",
        "raw/landing_folder",
        "raw/source_files",
        "raw/ad_exports__main",
        "raw/ads__main",
    }
    samples = {k for k in keys if k.startswith("raw/demo_")}
    assert len(bundles) == 17
    assert len(samples) == 18
    assert keys == tables | sides | bundles | fixed | samples


def test_every_asset_says_what_it_is(defs):
    for spec in defs.resolve_all_asset_specs():
        name = "/".join(spec.key.path)
        assert spec.group_name == spec.key.path[0], name
        assert spec.description, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name in LAYERS, name


def test_tables_have_column_schemas_and_code_versions(defs):
    outside = {"raw/landing_folder", "raw/source_files", "quality/report", "quality/scorecard", "quality/expectations"}
    for spec in defs.resolve_all_asset_specs():
        name = "/".join(spec.key.path)
        if name in outside:
            continue
        assert spec.code_version, name
        if spec.key.path[0] == "model":  # no table
            continue
        assert spec.metadata["dagster/column_schema"].columns, name


def test_data_walks_left_to_right(defs):
    for spec in defs.resolve_all_asset_specs():
        for dep in spec.deps:
            left, right = dep.asset_key.path[0], spec.key.path[0]
            assert LAYERS.index(left) <= LAYERS.index(right), (dep.asset_key, spec.key)


def test_only_quality_tables_are_read_by_models_bundles_and_kpis(defs):
    for spec in defs.resolve_all_asset_specs():
        if spec.key.path[0] in ("model", "enriched", "bundle", "kpi"):
            for dep in spec.deps:
                figures_of_figures = spec.key.path[0] == dep.asset_key.path[0] == "kpi"
                answers = (spec.key.path[0], dep.asset_key.path[0]) == ("enriched", "model")
                assert dep.asset_key.path[0] == "quality" or figures_of_figures or answers, (dep.asset_key, spec.key)


def test_the_main_job_holds_everything_but_the_landing_of_files(defs):
    keys = {"/".join(k.path) for k in defs.resolve_job_def("seed").asset_layer.selected_asset_keys}
    everything = {"/".join(s.key.path) for s in defs.resolve_all_asset_specs()}
    by_clock = {"quality/expectations", "quality/seeding_experiment"}
    assert everything - keys == {"raw/landing_folder", "raw/source_files", "raw/ads__main", "raw/ad_exports__main"} | by_clock
    landing = {"/".join(k.path) for k in defs.resolve_job_def("land__ads").asset_layer.selected_asset_keys}
    assert landing == {"raw/ads__main"}


SENSORS = (
    "landing",
    "kpi_days",
    "cleaning_policies",
    "quality_rules",
    "distribution_rules",
    "engine_acknowledgements",
    "failed_distributions",
    "engine_batches",
    "adjusted_schedules",
    "alerts",
    "retraining",
    "enrichment_due",
    "enrichment_monitor",
    "follow_upstream",
)


def test_schedules_and_sensors_run_by_themselves(defs):
    repository = defs.get_repository_def()
    schedules = {s.name: (s.cron_schedule, s.default_status) for s in repository.schedule_defs}
    assert schedules == {
        "performance_check": ("0 * * * *", dg.DefaultScheduleStatus.RUNNING),
        "expectations": ("10 3 * * *", dg.DefaultScheduleStatus.RUNNING),
        "seeding_experiment": ("30 4 * * 0", dg.DefaultScheduleStatus.RUNNING),
        "enrichment_sweep": ("0 */4 * * *", dg.DefaultScheduleStatus.RUNNING),
        "upkeep": ("40 2 * * *", dg.DefaultScheduleStatus.RUNNING),
    }
    sensors = {s.name: s.default_status for s in repository.sensor_defs}
    assert sensors == dict.fromkeys(SENSORS, dg.DefaultSensorStatus.RUNNING)


def test_a_gate_blocks_and_row_checks_do_not(defs):
    checks = {c.key: c for a in defs.resolve_asset_graph().assets_defs for c in a.check_specs}
    gates = {key for key, c in checks.items() if c.blocking}
    assert {"/".join(key.asset_key.path) for key in gates} == {f"quality/{name}" for name in LANDED}
    assert {key.name for key in gates} == {"gate"}


def test_a_broken_source_file_is_named_and_costs_no_other(tmp_path):
    place = place_in(tmp_path / "place")
    place.source()
    place.source("type: seeding_platform.components.FileSource\nattributes: {name: broken, files: '*.csv', format: csv, tables: []}\n", name="broken")
    with pytest.warns(UserWarning, match=r"broken\.yaml:2"):
        defs = build_definitions(place.settings)
    keys = {"/".join(s.key.path) for s in defs.resolve_all_asset_specs()}
    assert "raw/ads__main" in keys
    assert "raw/broken__main" not in keys
    result = defs.get_repository_def().asset_checks_defs_by_key[dg.AssetCheckKey(dg.AssetKey(["raw", "source_files"]), "every_source_is_valid")]()
    assert not result.passed
    assert "broken.yaml" in result.description


def test_a_broken_engine_file_is_named_and_costs_no_other(tmp_path, caplog):
    place = place_in(tmp_path / "place")
    engines = place.root / "engines"
    engines.mkdir()
    (engines / "broken.yaml").write_text("type: [")
    settings = place.settings.model_copy(update={"engines": engines})
    keys = {"/".join(s.key.path) for s in build_definitions(settings).resolve_all_asset_specs()}
    assert "bundle/analytics" in keys
    assert "bundle/broken" not in keys
    assert "engine refused: broken.yaml is not YAML" in caplog.text
    (finding,) = [f for f in examined(settings) if f.what == "engines"]
    assert (finding.ok, finding.says.partition(" ")[0]) == (False, "broken.yaml")
