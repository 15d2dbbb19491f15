"""The report as a page: whole in one file, safe with any text, and every figure accounted for."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from seeding_platform.catalog import LANDED, TABLES
from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.charts import spark, whisker
from seeding_platform.quality.page import answer, bars, cells, percent
from seeding_platform.quality.report import QualityReport, html_page
from seeding_platform.quality.scorecard import scorecard
from seeding_platform.quality.standing import Curve, Point
from seeding_platform_tests.quality.reports import NOW, full_report, report, table

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags with attributes, visible text, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts).replace("\u202f", "\u00a0")).replace("\u00a0", " ")

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def page(made: QualityReport) -> Page:
    parsed = Page(html_page(made, scorecard(made), now=NOW))
    assert parsed.open == []
    return parsed


def test_one_file_asks_for_nothing_outside_and_runs_nothing():
    html = html_page(full_report(), scorecard(full_report()), now=NOW)
    found = Page(html)
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for tag, attrs in found.tags:
        assert "style" not in attrs, tag
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "srcset", "action", "xlink:href")], tag
        assert attrs.get("href", "#").startswith("#"), tag
    assert "url(" not in found.style
    assert "@import" not in found.style
    assert "http:" not in html
    assert "https:" not in html


def test_the_style_is_the_one_that_the_policy_allows():
    import base64
    import hashlib

    found = page(full_report())
    policy = next(attrs["content"] for attrs in found.named("meta") if attrs.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert f"'sha256-{digest}'" in policy


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "{{ 7 * 7 }}", "&lt;"])
def test_text_of_others_is_only_text(hostile):
    bad = table(
        hostile,
        tenants=(hostile,),
        passed=False,
        rejects={hostile: 5},
        dangling={f"{hostile} -> {hostile}": 3},
        columns={hostile: 0.5},
        completeness=Ratio(1, 2),
    )
    found = page(report(bad, waiting=(hostile,)))
    assert not {tag for tag, _ in found.tags} & {"script", "img"}
    assert not [attrs for _, attrs in found.tags if "onerror" in attrs]
    assert found.text.count(hostile.replace("_", " ")) >= 6


def test_every_sum_is_written_out():
    found = page(report(table("content_posts", kept=1200, merged=30, quarantined=4), table("orders", kept=10, merged=0, quarantined=0)))
    assert "1,210 kept + 30 merged + 4 quarantined = 1,244 in. Nothing lost." in found.text
    assert "1,210 of 1,244 rows (97.2 %) may be used." in found.text
    assert "Kept + merged + quarantined = in" in found.text


def test_a_sum_that_does_not_close_is_told():
    import dataclasses

    found = page(report(dataclasses.replace(table("orders"), rows_in=105)))
    assert "5 rows unaccounted for." in found.text
    assert "Nothing lost" not in found.text


def test_every_table_is_named_in_each_part():
    found = page(full_report())
    for name in LANDED:
        assert found.text.count(name) >= 3, name


def test_it_says_how_far_confidence_may_be_believed():
    found = page(full_report())
    assert "probability that every value of a row is right" in found.text
    assert "Accuracy is told only against rows that are known to be right" in found.text
    assert "not measured" in found.text
    assert "No table has enough rows" in found.text


def richer(**more):
    curve = Curve(((0.62, 0.6, 80), (0.95, 0.97, 900)), 0.021)
    made = report(table("orders", curve=curve), table("customers"))
    points = tuple(Point(f"2026-11-{d:02d}T06:00:00+00:00", 90, 96.0 + d / 10, 0.95) for d in range(1, 11))
    biased = {
        "tenant": "acme", "subject": "content_posts by platform", "metric": "disparate_impact", "group": "X",
        "value": 0.5, "n": 812, "ci_low": 0.41, "ci_high": 0.62, "verdict": "biased",
    }  # fmt: skip
    thing = {
        "rank": 1,
        "table": "orders",
        "kind": "snap",
        "column": "status",
        "says": "12 refused values",
        "rows": 12,
        "cells": 0,
        "points": 0.4,
        "add": "{}",
    }
    told = {"trend": {"orders": points}, "unusual": ("orders of acme: rows 20 after 90",), "bias": (biased,), "bias_counts": {"biased": 1, "ok": 40}}
    return dataclasses.replace(made, **(told | {"recommendations": (thing | {"add": "{}"},)} | more))


def test_trend_calibration_bias_and_recommendations_are_drawn_with_their_figures():
    found = page(richer())
    labels = [a["aria-label"] for a in found.named("svg") if a.get("aria-label")]
    assert "10 runs, from 96.1 to 97.0" in labels
    assert "orders: calibration error 0.021 on 980 records" in labels
    assert "0.41 to 0.62" in labels
    for said in (
        "orders of acme: rows 20 after 90",
        "1 biased, 0 too few rows, 40 even",
        "812",
        "12 refused values",
        "Assumed, not learned: customers",
    ):
        assert said in found.text, said


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_other_assets_tell_is_only_text(hostile):
    row = {"tenant": hostile, "subject": hostile, "metric": hostile, "group": hostile, "value": 0.5, "n": 1, "ci_low": 0.1, "ci_high": 0.9}
    thing = {"rank": 1, "table": hostile, "kind": "fd", "column": hostile, "says": hostile, "rows": 1, "cells": 1, "points": 1.0, "add": hostile}
    found = page(richer(unusual=(hostile,), bias=(row | {"verdict": "biased"},), recommendations=(thing,)))
    assert not {tag for tag, _ in found.tags} & {"script", "img"}


def tried(**more):
    facts = {
        "tenant": "acme", "model": "churn", "metric": "auc", "direction": "up", "labels": 150, "draws": 20, "cold": 0.7, "warm": 0.77, "gain": 0.07,
        "ci_low": 0.05, "ci_high": 0.09, "cold_cpu_s": 0.2, "warm_cpu_s": 0.3, "says": "",
    }  # fmt: skip
    return facts | more


def test_the_worth_of_seeding_is_shown_as_it_is():
    assert "Not run yet" in page(richer()).text
    assert "No model to try" in page(richer(seeding=())).text
    rows = (
        tried(),
        tried(model="roi", gain=-0.2, ci_low=-0.3, ci_high=-0.1),
        tried(model="cross_platform", gain=0.01, ci_low=-0.1, ci_high=0.12),
        tried(model="segmentation", labels=None, says="not run: groups have no labels"),
    )
    found = page(richer(seeding=rows))
    for said in ("helps", "harms", "not shown", "not run: groups have no labels", "+0.070", "-0.200", "0.20 / 0.30"):
        assert said in found.text, said
    assert "+0.050 to +0.090" in [a["aria-label"] for a in found.named("svg") if a.get("aria-label")]


def test_targets_of_seeding_are_measured_by_the_experiment():
    def targets(report_):
        return {row["target"]: row for row in scorecard(report_).to_dicts()}

    assert "has not run yet" in targets(richer())["accuracy_gain"]["method"]
    assert "quality/seeding_experiment says why" in targets(richer(seeding=(tried(labels=None),)))["accuracy_gain"]["method"]
    told = targets(richer(seeding=(tried(), tried(labels=48, gain=9.0), tried(model="roi", cold=2.0, gain=-0.1))))
    assert (told["accuracy_gain"]["value"], told["accuracy_gain"]["n"], told["accuracy_gain"]["state"]) == (0.025, 2, "not_met")
    assert told["training_time_saved"]["value"] == -0.5


def test_a_whisker_lies_where_its_figures_are():
    row = {"metric": "disparate_impact", "value": 1.0, "ci_low": 0.5, "ci_high": 1.5}
    assert whisker(row) == {"value": 50.0, "low": 25.0, "high": 75.0, "even": 50.0}
    assert whisker(row | {"metric": "statistical_parity_difference", "value": 0.0, "ci_low": -0.5, "ci_high": 0.5}) == {
        "value": 50.0, "low": 25.0, "high": 75.0, "even": 50.0
    }  # fmt: skip
    assert whisker(row | {"ci_low": None}) is None


def test_a_calm_score_is_a_calm_line():
    calm = spark(tuple(Point("", 1, s, None) for s in (97.0, 97.1, 97.0)))
    assert calm is not None
    ys = [float(place.split(",")[1]) for place in calm.points.split()]
    assert max(ys) - min(ys) < 1
    assert spark((Point("", 1, 97.0, None),)) is None


def test_an_empty_report_says_why():
    found = page(report(waiting=("orders", "decisions")))
    assert "No rows have come in yet, so there is nothing to judge." in found.text
    assert "Every table still waits for a source" in found.text
    assert TABLES["orders"].description in found.text
    assert not found.named("table")


def test_a_table_without_kept_rows_is_shown_without_figures():
    found = page(report(table("orders", kept=0, merged=0, quarantined=7, passed=False)))
    assert "did not pass its gate" in found.text
    assert "No row was kept, so there is nothing to fill." in found.text


def test_a_good_report_says_what_is_good():
    found = page(report(table("orders", quarantined=0)))
    assert "No row was set aside" in found.text
    assert "Every reference finds its row" in found.text
    assert "No table waits" in found.text


def test_headings_labels_and_ids_fit_together():
    found = page(full_report())
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for attrs in found.named("section")} <= set(ids)
    assert len(found.named("h1")) == 1
    assert all(attrs.get("scope") in ("col", "row") for attrs in found.named("th"))
    for box in (attrs for attrs in found.named("div") if attrs.get("class") == "table-wrap"):
        assert box["tabindex"] == "0"
        assert box["role"] == "region"
        assert box["aria-label"]


def test_words_are_calm_and_say_nothing_of_the_machine():
    html = html_page(full_report(), scorecard(full_report()), now=NOW)
    text = Page(html).text
    assert "!" not in text
    assert not re.search(r"/(?:tmp|home|root|work)\b", html)
    assert not re.search(r"\d-\d", text.replace("2026-11-20", ""))


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ([True], "The one table with rows passed its gate."),
        ([True, True], "All 2 tables with rows passed their gates."),
        ([True, False], "1 of 2 tables passed their gates; orders did not."),
        ([True, False, False], "1 of 3 tables passed their gates; orders and customers did not."),
        ([False] * 4 + [True], "1 of 5 tables passed their gates; 4 did not."),
    ],
)
def test_the_answer_comes_first(passed, said):
    names = ["content_posts", "orders", "customers", "campaigns", "ad_facts"]
    assert answer(report(*(table(n, passed=p) for n, p in zip(names, passed, strict=False)))) == said


def test_rules_beyond_the_first_ten_are_one_bar_and_no_row_is_lost():
    many = table("orders", rejects={f"r{i:02}": 20 - i for i in range(15)})
    found = bars([many, table("customers", rejects={"r00": 5})])
    assert len(found) == 11
    assert (found[0].name, found[0].rows, found[0].length) == ("R00", 25, 62.5)
    assert (found[-1].name, found[-1].rest) == ("5 other rules", True)
    assert found[-1].length == 100.0
    assert sum(b.rows for b in found) == sum(20 - i for i in range(15)) + 5


def test_only_full_columns_are_100_and_required_ones_come_first():
    shares = {"note": 0.9999, "items": 0.004, "order_id": 1.0, "carrier": 0.0}
    found = cells(table("orders", columns=shares))
    assert [(c.name, c.shown, c.step, c.required) for c in found] == [
        ("order_id", "100", 7, True),
        ("note", "99", 6, False),
        ("items", "<1", 1, False),
        ("carrier", "0", 1, False),
    ]
    assert percent(0.99999) == "99.9\u202f%"


def test_tables_are_sorted_by_score_with_those_without_one_first():
    found = page(report(table("orders", score=99.0), table("customers", score=80.0), table("campaigns", kept=0)))
    made = report(table("orders", score=99.0), table("customers", score=80.0), table("campaigns", kept=0))
    html = html_page(made, scorecard(made), now=NOW)
    start = html.index('aria-label="Score by table"')
    assert [m for m in re.findall(r'<th scope="row">(\w+)</th>', html[start:])][:3] == ["campaigns", "customers", "orders"]
    assert "bar--warn" in html
    assert found.text
