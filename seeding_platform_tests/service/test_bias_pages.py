"""Bias as a page: what the table of findings says, in words, with rows and intervals; nothing hidden, nothing of another tenant."""

import json
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.models.weighing import latest_reweighing
from seeding_platform.quality.fairness import BIAS
from seeding_platform.service.pages.bias_words import subject_shown
from seeding_platform.service.pages.charts import Whisker, whiskers
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.service.pages import Pages

SUBJECT = "content_posts by platform"
URL = "/en/quality/bias"


def findings(*rows, tenant: str = "default", subject: str = SUBJECT) -> pl.DataFrame:
    """Findings as `(metric, group, value, n, low, high, verdict)`."""
    return pl.DataFrame([(tenant, subject, *row) for row in rows], schema=BIAS, orient="row")


def platforms(x: float, *, tenant: str = "default", verdict: str = "biased") -> pl.DataFrame:
    """X behind LinkedIn, TikTok with a few posts only."""
    return findings(
        ("share", "LinkedIn", 0.6, 150, 0.5, 0.7, "not_judged"),
        ("share", "X", 0.38, 95, 0.3, 0.4, "not_judged"),
        ("share", "TikTok", 0.02, 5, 0.01, 0.04, "not_judged"),
        ("base_rate", "LinkedIn", 0.8, 150, 0.73, 0.86, "not_judged"),
        ("base_rate", "X", 0.8 * x, 95, 0.3, 0.45, "not_judged"),
        ("base_rate", "TikTok", 0.6, 5, 0.23, 0.88, "not_judged"),
        ("base_rate", "(all)", 0.5, 250, 0.44, 0.56, "not_judged"),
        ("disparate_impact", "LinkedIn", 1.0, 150, 1.0, 1.0, "ok"),
        ("disparate_impact", "X", x, 95, 0.4, 0.6, verdict),
        ("disparate_impact", "TikTok", 0.75, 5, 0.3, 1.2, "insufficient_evidence"),
        ("demographic_parity_ratio", "(all)", x, 250, 0.4, 0.6, verdict),
        tenant=tenant,
    )


@pytest.fixture
def lake(service) -> Lake:
    return Lake(service.app.state.service.settings.lake)


def test_the_verdict_stands_in_words_with_its_rows_and_ranges(service, lake):
    lake.overwrite("quality/bias", platforms(0.5))
    text = Pages(service, "viewer").get(URL)
    for said in (
        "One of 1 comparisons is biased beyond chance: platform.",
        "X: 40.0% of 95 posts engage, against 80.0% of 150 for LinkedIn.",
        "It cannot be told for TikTok",
        "73.0% to 86.0%",
        "0.40 to 0.60",
        "what the others are compared with",
        "Worst against best group",
    ):
        assert said in text
    assert "scheef" in Pages(service, "viewer").get("/nl/quality/bias")


def test_single_platforms_that_cannot_be_told_do_not_cloud_the_whole(service, lake):
    even = platforms(0.95, verdict="ok").filter(pl.col("group") != "TikTok")
    lake.overwrite("quality/bias", pl.concat([even, findings(("stratum_disparate_impact", "X | y", None, 3, None, None, "insufficient_evidence"))]))
    assert "No group lies below four fifths" in Pages(service, "viewer").get(URL)
    lake.overwrite("quality/bias", pl.concat([even, findings(("stratum_disparate_impact", "X | y", 0.1, 90, 0.0, 0.2, "biased"))]))
    assert "A figure further down is biased" in Pages(service, "viewer").get(URL)


@pytest.mark.long
def test_small_groups_are_listed_and_marked(service, lake):
    lake.overwrite("quality/bias", platforms(0.5))
    text = Pages(service, "viewer").get(URL)
    row = re.search(r"<tr><th scope=\"row\"><span>TikTok.*?</tr>", text, re.DOTALL)[0]
    assert "fewer than 30" in row
    assert ">5<" in row
    assert "60.0%" in row
    assert "f-muted" in text, "its dot is grey"


@pytest.mark.long
def test_another_tenants_figures_are_not_there(service, lake):
    lake.overwrite("quality/bias", pl.concat([platforms(0.9, verdict="insufficient_evidence"), platforms(0.1, tenant="other")]))
    text = Pages(service, "viewer").get(URL)
    assert "No comparison is biased" in text
    assert ">8.0%<" not in text
    assert ">8.0%<" in Pages(service, "viewer", "other").get(URL)


@pytest.mark.long
def test_an_empty_page_says_why(service, lake):
    assert "There are no figures yet" in Pages(service, "viewer").get(URL)
    lake.overwrite("quality/bias", platforms(0.5, tenant="other"))
    assert "no published posts of two kinds" in Pages(service, "viewer").get(URL)


def test_posts_without_measurements_are_shown_as_shares_only(service, lake):
    lake.overwrite("quality/bias", findings(("share", "X", 0.4, 40, 0.3, 0.5, "not_judged"), ("share", "(missing)", 0.6, 60, 0.5, 0.7, "not_judged")))
    text = Pages(service, "viewer").get(URL)
    assert "Nothing is judged here" in text
    assert "not stated" in text
    assert "<figure" not in text


def test_runs_are_followed_when_there_are_several(service, lake):
    lake.overwrite("quality/bias", platforms(0.5))
    assert "Over the runs" not in Pages(service, "viewer").get(URL)
    lake.overwrite("quality/bias", platforms(0.7))
    text = Pages(service, "viewer").get(URL)
    assert "Over the runs" in text
    assert "four fifths</text>" in text
    assert text.index("0.50, of 250 posts") < text.index("0.70, of 250 posts"), "the oldest first"
    lake.purge("quality/bias")
    assert "Over the runs" not in Pages(service, "viewer").get(URL), "a version that is gone is passed over"


def test_weights_are_shown_before_and_after(service, lake, tmp_path):
    artefacts = service.app.state.service.settings.state / "mlflow" / "artefacts"
    figures = [
        {
            "weighted": weighted, "group": group, "n": n, "mae": 0.4 + 0.1 * weighted, "mean_error": 0.0, "rmse": 0.5,
            "disparate_impact": 0.5 + 0.25 * weighted, "ci_low": None, "ci_high": None, "verdict": "ok" if weighted else "biased",
        }
        for weighted in (False, True)
        for group, n in (("X", 40), ("TikTok", 6), ("(all)", 46))
    ]  # fmt: skip
    for tenant, n in (("default", 1), ("other", 2)):
        folder = artefacts / f"{tenant}.content_performance" / f"run{n}" / "artifacts"
        folder.mkdir(parents=True)
        told = {"feature": "platform", "figures": figures if tenant == "default" else []}
        (folder / "reweighing.json").write_text(json.dumps(told), encoding="utf-8")
    text = Pages(service, "viewer").get(URL)
    assert "What weights did in content_performance" in text
    assert "0.50 → <strong>0.75</strong>" in text
    assert "0.400 → <strong>0.500</strong>" in text
    assert text.count("fewer than 30") == 1
    (artefacts / "default.content_performance" / "run1" / "artifacts" / "reweighing.json").write_bytes(b"")
    assert latest_reweighing(artefacts, "default") == {}, "a document that an erasure emptied is left out"
    assert latest_reweighing(tmp_path, "default") == {}


VALUE = st.none() | st.floats(0, 20)
TONE = st.sampled_from(["", "bad", "muted"])
WHISKERS = st.builds(Whisker, name=st.text(max_size=8), value=VALUE, low=VALUE, high=VALUE, said=st.text(max_size=8), tone=TONE)
METRIC = st.sampled_from(["share", "base_rate", "disparate_impact", "psi", "simpson_reversal", "unheard"])
VERDICT = st.sampled_from(["ok", "biased", "insufficient_evidence", "not_judged"])
FINDINGS = st.lists(st.tuples(METRIC, st.sampled_from(["a", "b", "(all)"]), VALUE, st.integers(0, 500), VALUE, VALUE, VERDICT), min_size=1)


@settings(deadline=None)
@given(st.lists(WHISKERS, max_size=5), st.sampled_from([326, 1000]), st.floats(0.1, 10))
def test_a_chart_is_well_formed_and_stays_within_its_picture(rows, width, end):
    from xml.etree import ElementTree

    plain = [Whisker("<b>&", w.value, w.low, w.high, "<i>", w.tone) for w in rows]
    drawn = whiskers(plain, end=end, shown=lambda v: f"{v:.1f}", label='a "chart" <of>', width=width, marks={0.8: "limit"})
    if not rows:
        assert str(drawn) == ""
        return
    tree = ElementTree.fromstring(str(drawn))
    assert "style" not in str(drawn)
    assert len(tree.findall("circle")) == sum(w.value is not None and w.value <= end for w in rows)
    assert all(0 <= float(c.get("cx")) <= width for c in tree.findall("circle"))


@settings(deadline=None)
@given(FINDINGS)
def test_whatever_figures_there_are_can_be_shown(rows):
    for lang in ("en", "nl"):
        told = subject_shown(findings(*rows), Speaker(lang, None), words(lang)["bias"])
        assert told["said"]
        assert len(told["figures"]) == len(rows)


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_it_keeps_the_policy_of_pages(service, lake, lang):
    lake.overwrite("quality/bias", platforms(0.5))
    lake.overwrite("quality/bias", platforms(0.7))
    text = Pages(service, "viewer").get(f"/{lang}/quality/bias")
    assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style|(?:src|href|action)=\"https?:|built-in method", text)
