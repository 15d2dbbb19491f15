"""Gates and policies of personal data as people have set them by now; a change has the table judged again, once."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.defs.io_managers import LakeIOManager
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.assets import quality_asset
from seeding_platform.defs.quality.calibration import calibration_asset
from seeding_platform.defs.quality.rules import rules_sensor
from seeding_platform.quality.gate import GATE
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform_tests.places import Place

POSTS = LANDED["content_posts"]
TABLE = pl.DataFrame(
    {
        "post_id": [f"p{n}" for n in range(8)],
        "account_id": "a",
        "platform": "X",
        "status": "published",
        "text": ["mail jan.jansen@example.nl for more", *(f"a post about thing number {n} and @acme" for n in range(7))],
        "published_at": "2026-03-01T10:00:00Z",
        "author_email": "writer@example.nl",
    }
)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def platform(place: Place, tmp_path) -> Platform:
    found = Platform(place.settings.model_copy(update={"policies": tmp_path / "policies"}))
    found.settings.policies.mkdir()
    raw = as_raw(TABLE, POSTS, source="posts.csv").rows
    result = clean(raw, POSTS)
    sides = {"__quarantine": result.quarantined, "__repairs": result.repairs, "__duplicates": result.duplicates}
    tables = {"raw/content_posts": raw, **{f"clean/content_posts{side}": frame for side, frame in {"": result.kept, **sides}.items()}}
    for table, frame in tables.items():
        found.lake.overwrite(table, frame)
    return found


def judged(platform: Platform, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    resources = {"platform": platform, "lake": LakeIOManager(platform.lake)}
    sides = ("", "__quarantine", "__repairs", "__duplicates")
    sources = [dg.AssetSpec(["raw", "content_posts"]), *(dg.AssetSpec(["clean", f"content_posts{side}"]) for side in sides)]
    return dg.materialize([*sources, calibration_asset(POSTS), quality_asset(POSTS)], instance=instance, resources=resources, raise_on_error=False)


def tick(platform: Platform, instance: dg.DagsterInstance):
    return rules_sensor([POSTS])(dg.build_sensor_context(instance=instance, resources={"platform": platform}))


def asked(platform, instance):
    found = tick(platform, instance)
    return [] if isinstance(found, dg.SkipReason) else [(r.run_key, r.asset_selection) for r in found.run_requests]


def set_gate(platform, now, **values):
    Adjusted(platform.state).change(GATE, values, scope="content_posts", actor="k", reason="a test", now=now)


def test_personal_data_does_not_leave_clean(platform, instance):
    result = judged(platform, instance)
    rows = platform.lake.read("quality/content_posts").collect()
    assert "author_email" not in rows.columns
    assert not rows["text"].str.contains("jansen").any()
    assert rows.filter(pl.col("post_id") == "p0")["text"].item() == "mail [EMAIL] for more"
    told = result.asset_materializations_for_node("quality__content_posts")[0].metadata["personal_data"].value
    assert told == {"text: EMAIL redact": 1, "text: HANDLE keep": 7}


def test_a_policy_may_let_a_pseudonym_out(platform, instance):
    (platform.settings.policies / "content_posts.personal.yaml").write_text("columns: {author_email: pseudonymise}\n")
    assert judged(platform, instance).success
    tokens = platform.lake.read("quality/content_posts").collect()["author_email"]
    assert tokens.n_unique() == 1
    assert tokens[0].startswith("email_1_")


def test_a_raised_threshold_closes_the_gate_and_the_old_rows_stay(platform, instance):
    assert judged(platform, instance).success
    before = platform.lake.version("quality/content_posts")
    set_gate(platform, platform.now(), confidence=1.0)
    result = judged(platform, instance)
    assert not result.success
    assert platform.lake.version("quality/content_posts") == before
    failure = next(e for e in result.all_events if e.is_step_failure)
    assert "is below 1.00" in failure.step_failure_data.user_failure_data.description
    set_gate(platform, platform.now())
    assert judged(platform, instance).success


def test_a_change_of_rules_has_the_table_judged_again_once(platform, instance):
    assert asked(platform, instance) == []  # never made: that is not the sensor's business
    judged(platform, instance)
    assert asked(platform, instance) == []
    set_gate(platform, platform.now(), completeness=0.7)
    first = asked(platform, instance)
    assert [selection for _, selection in first] == [[dg.AssetKey(["quality", "content_posts"])]]
    assert asked(platform, instance) == first  # the same question, under the same key
    judged(platform, instance)
    assert asked(platform, instance) == []
    (platform.settings.policies / "content_posts.personal.yaml").write_text("labels: {HANDLE: redact}\n")
    assert len(asked(platform, instance)) == 1
    judged(platform, instance)
    assert asked(platform, instance) == []
    assert not platform.lake.read("quality/content_posts").collect()["text"].str.contains("@acme").any()


@pytest.mark.long
def test_a_table_that_never_passed_is_tried_again_when_its_limit_is_changed(platform, instance, place):
    now = platform.now()
    set_gate(platform, now, score=100.0)
    assert asked(platform, instance) == [], "nothing was tried yet"
    assert not judged(platform, instance).success
    first = asked(platform, instance)
    set_gate(platform, now, score=50.0)
    second = asked(platform, instance)
    assert [selection for _, selection in first + second] == [[dg.AssetKey(["quality", "content_posts"])]] * 2
    assert first[0][0] != second[0][0], "another limit is another try, the same limit is not"
    assert judged(platform, instance).success
    assert asked(platform, instance) == []


def test_a_policy_that_is_refused_leaves_the_table_and_says_so(platform, instance):
    judged(platform, instance)
    (platform.settings.policies / "content_posts.personal.yaml").write_text("labels: {HANDLE: explode}\n")
    found = tick(platform, instance)
    assert isinstance(found, dg.SkipReason)
    assert "HANDLE" in found.skip_message


def test_rows_that_may_not_be_used_are_judged_and_left_out(place):
    import datetime as dt

    from seeding_platform.catalog import LANDED
    from seeding_platform.defs.quality.assets import used
    from seeding_platform.governance.retention import RETENTION
    from seeding_platform.quality import assess
    from seeding_platform.storage.marks import RESTRICTED
    from seeding_platform_tests.governance.orders import TENANT, carried, raw

    platform, orders, now = Platform(place.settings), LANDED["orders"], dt.datetime.now(dt.UTC)
    people = ["cust-0001", "cust-0002", "cust-0003", "cust-0004"]
    carried(platform, raw(people, at=f"{now - dt.timedelta(days=9):%Y-%m-%d}T10:00:0{{n}}Z"))
    clean = platform.lake.read("clean/orders")
    judged = assess(clean, orders).rows
    assert used(platform, orders, clean, judged)[1] == {}
    platform.marks.put(RESTRICTED, TENANT, [("CUSTOMER_REF", "cust-0002")], request_id="r", now=now)
    rows, told = used(platform, orders, clean, judged)
    assert (rows["customer_ref"].to_list(), told) == (["cust-0003", "cust-0004"], {"restricted_rows": 2}), "the note of the first names the second"
    platform.adjusted.change(RETENTION, {"days": 5}, scope="orders", actor="k", reason="x", now=now)
    rows, told = used(platform, orders, clean, judged)
    assert (rows.height, told) == (0, {"restricted_rows": 2, "expired_rows": 2})
    platform.state.close()
