"""What README and docs name is there: files, settings, commands, sensors, assets, and the YAML that a reader copies."""

import re
import warnings
from pathlib import Path

import dagster as dg
import pytest
import yaml

from seeding_platform.connectors.sources import parse_source
from seeding_platform.definitions import build_definitions
from seeding_platform.settings import Settings, project_root
from seeding_platform_tests.places import place_in

ROOT = project_root()
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README, OPERATING = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/operating.md"))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory) -> dg.Definitions:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return build_definitions(place_in(tmp_path_factory.mktemp("place")).settings)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


def test_decisions_are_numbered_and_say_why_what_and_what_follows():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(p.name[:4]) for p in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        places = [text.index(f"**{word}.**") for word in ("Context", "Decision", "Consequences")]
        assert places == sorted(places), page.name


def test_the_first_commands_are_seed_and_test():
    first = re.search(r"```\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].strip().splitlines()] == ["make seed", "make test"]


def test_the_source_that_a_reader_copies_is_valid():
    block = re.search(r"```yaml\n(type: .*?)```", README, re.DOTALL)
    assert block is not None
    assert parse_source(block[1], "README.md").label == "my_ads__main"


def test_commands_of_seeding_exist():
    from seeding_platform.cli import app

    def names(of) -> set[str]:
        return {c.name or c.callback.__name__ for c in of.registered_commands if c.callback}

    groups = {g.name: g.typer_instance for g in app.registered_groups}
    groups |= {f"{name} {g.name}": g.typer_instance for name, of in list(groups.items()) for g in of.registered_groups}
    known = names(app) | {f"{group} {name}" for group, of in groups.items() for name in names(of)}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    prefixes = "|".join(sorted(groups, key=len, reverse=True))
    assert set(re.findall(rf"`seeding ((?:(?:{prefixes}) )?[a-z][a-z-]*)", text)) - known == set()
    listed = re.search(r"`seeding ([a-z -]+ \|[a-z |-]+)`", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert listed is not None
    assert set(listed[1].split(" | ")) | {"seed", "land"} == known


def test_every_setting_is_in_the_table_of_settings():
    told = re.findall(r"^\| `SEEDING_([A-Z_]+)` \|", OPERATING, re.MULTILINE)
    assert sorted(told) == sorted(name.upper() for name in Settings.model_fields)


def test_sensors_and_schedules_are_the_ones_that_there_are(definitions: dg.Definitions):
    told = set(re.findall(r"^\| (?:sensor|schedule) `(\w+)` \|", OPERATING, re.MULTILINE))
    assert told == {s.name for s in [*(definitions.sensors or ()), *(definitions.schedules or ())]}


def test_assets_that_the_readme_names_exist(definitions: dg.Definitions):
    keys = {"/".join(spec.key.path) for spec in definitions.resolve_all_asset_specs()}
    told = set(re.findall(r"\b(?:raw|clean|quality|model|bundle|kpi)/[a-z][a-z_]+[a-z]\b", README))
    assert len(told) > 5
    assert told - keys == set()


def test_postgres_form_replaces_the_line_of_dagster_yaml():
    block = re.search(r"```yaml\n(storage:.*?)```", OPERATING, re.DOTALL)
    assert block is not None
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert set(yaml.safe_load(block[1])) == {"storage"} <= set(ours)
    assert set(ours["storage"]) == {"sqlite"}
