"""Schedules and rules as pages: any group is drawn from its model, changed after a look at what it concerns, and returned to by one press."""

import contextlib
import datetime as dt
import html
import re
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.service.adjustables import SETTINGS
from seeding_platform.service.pages.render import Speaker, words
from seeding_platform.service.pages.schema_fields import Unreadable, fields_of
from seeding_platform.service.pages.setting_words import value_said
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform_tests.service.pages import Pages

GATE = "/en/settings/quality.gate"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    name: str
    size: int = 1


class EveryType(BaseModel):
    """One field of every type that a group may declare."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(0.5, ge=0, le=1, description="A share")
    rounds: int = Field(3, gt=0, strict=True)
    switched: bool = False
    mode: Literal["slow", "fast"] = "slow"
    level: Literal[1, 2] = 1
    colour: Colour = Colour.RED
    people: list[str] = []
    colours: list[Colour] = [Colour.RED]
    steps: tuple[float, ...] = (1.0,)
    ceiling: float | None = None
    note: str = Field("", max_length=12)
    at: dt.time = dt.time(2, 40)
    until: dt.date | None = None
    weights: dict[str, float] = {}
    whom: Literal["owner", "team"] | None = None
    part: Part = Part(name="p")
    parts: list[Part] = []


EVERY = Adjustable(
    "tests.every", EveryType, "A group with a field of every type.", scopes="table", affects=lambda scope: [f"quality/{scope or 'all'}"]
)
TYPED = {
    "share": "0,25", "rounds": "7", "switched": "true", "mode": "fast", "level": "2", "colour": "blue", "people": "an\r\njan\r\n\r\n",
    "steps": "1\n2.5",
    "ceiling": "9", "note": "a: b", "at": "03:15", "until": "2026-12-24", "weights": "a: 1\nb:c: 2.5", "whom": "team",
    "part": '{"name": "q", "size": 2}', "parts": '[{"name": "r"}]', "colours": ["red", "blue"],
}  # fmt: skip
READ = {
    "share": 0.25, "rounds": 7, "switched": True, "mode": "fast", "level": 2, "colour": "blue", "people": ["an", "jan"], "steps": [1.0, 2.5],
    "ceiling": 9.0, "note": "a: b", "at": "03:15", "until": "2026-12-24", "weights": {"a": 1.0, "b:c": 2.5}, "whom": "team",
    "part": {"name": "q", "size": 2}, "parts": [{"name": "r"}], "colours": ["red", "blue"],
}  # fmt: skip


@pytest.fixture
def every(monkeypatch):
    monkeypatch.setitem(SETTINGS, EVERY.name, EVERY)


def as_shown(text: str) -> dict[str, list[str]]:
    """What a browser would send of a group's form as it stands on a page, without its marks of own values."""
    form = text[text.index('id="change"') : text.index("</form>", text.index('id="change"'))]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input class="input[^>]*name="(value\.[a-z]+)"[^>]* value="([^"]*)"', form):
        found.setdefault(name, []).append(value)
    for name, value in re.findall(r'<textarea[^>]*name="(value\.[a-z]+)"[^>]*>([^<]*)</textarea>', form):
        found.setdefault(name, []).append(value)
    for name, options in re.findall(r'<select[^>]*name="(value\.[a-z]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)" selected', options) or re.findall(r'<option value="([^"]*)"', options)[:1]
        found.setdefault(name, []).extend(chosen)
    for name, value in re.findall(r'<input type="checkbox" name="(value\.[a-z]+)" value="([^"]*)" checked', form):
        found.setdefault(name, []).append(value)
    return {name: [html.unescape(v) for v in values] for name, values in found.items()}


def test_every_type_is_drawn_typed_and_read_back(service, every):
    pages = Pages(service)
    url = "/en/settings/tests.every"
    shown = as_shown(pages.get(url))
    assert set(shown) == {f"value.{name}" for name in EveryType.model_fields}, "each field has an input of its own"
    sent = {f"value.{name}": text for name, text in TYPED.items()}
    previewed = pages.send(url, **sent, reason="try all", step="preview")
    assert previewed.status_code == 200, re.findall(r'class="invalid".*?</p>', previewed.text)
    assert "What would change" in previewed.text
    assert "quality/all" in previewed.text
    store = Adjusted(service.app.state.service.state)
    assert store.current(EVERY).number == 0, "nothing is saved by looking"
    assert as_shown(previewed.text)["value.people"] == ["an\njan"], "what was typed stands in the form"
    assert pages.send(url, **sent, reason="try all", step="save", seen="0").status_code == 303
    assert dict(store.current(EVERY).values) == EveryType.model_validate(READ).model_dump(mode="json", include=set(READ))
    again = pages.send(url, **as_shown(pages.get(url)), own=list(EveryType.model_fields), reason="again", step="preview").text
    assert "The values are as they stand" in again, "the page as it stands says what is in force"


def test_a_field_as_it_stands_is_not_adjusted(service, every):
    pages = Pages(service)
    url = "/en/settings/tests.every"
    shown = as_shown(pages.get(url))
    assert pages.send(url, **(shown | {"value.rounds": "4"}), reason="more rounds", step="save").status_code == 303
    store = Adjusted(service.app.state.service.state)
    assert dict(store.current(EVERY).values) == {"rounds": 4}
    shown = as_shown(pages.get(f"{url}?scope=orders"))
    assert shown["value.rounds"] == ["4"], "a table has what holds everywhere"
    assert pages.send(url, **shown, scope="orders", own="mode", reason="fixed here", step="save").status_code == 303
    assert dict(store.current(EVERY, "orders").values) == {"mode": "slow"}, "a value may be fixed without being changed"


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("share", "7", "At most 1"),
        ("share", "much", "Give a number"),
        ("share", "", "Give a value"),
        ("rounds", "2.5", "Give a whole number"),
        ("rounds", "0", "More than 0"),
        ("mode", "sideways", "Choose one from the list"),
        ("note", "thirteen sign", "At most 12 signs"),
        ("at", "late", "time"),
        ("weights", "no sign", "name: value"),
        ("parts", "{", "no JSON"),
        ("part", '{"size": 1}', "required"),
        ("colours", ["green"], "Choose one from the list"),
    ],
)
def test_a_wrong_field_comes_back_as_typed_with_its_message(service, every, name, typed, said):
    pages = Pages(service)
    url = "/en/settings/tests.every"
    shown = as_shown(pages.get(url))
    answer = pages.send(url, **(shown | {f"value.{name}": typed, "value.people": "an"}), reason="x", step="save")
    assert answer.status_code == 422
    (message,) = re.findall(r'<p class="invalid".*?<span>(.*?)</span>', answer.text, re.DOTALL)
    assert said in html.unescape(message)
    if isinstance(typed, str) and name not in ("mode",):
        assert as_shown(answer.text)[f"value.{name}"] == [typed]
    assert as_shown(answer.text)["value.people"] == ["an"]
    assert Adjusted(service.app.state.service.state).current(EVERY).number == 0


def test_a_change_needs_a_reason_and_is_on_record(service):
    pages = Pages(service)
    shown = as_shown(pages.get(GATE)) | {"value.completeness": "0.9"}
    refused = pages.send(GATE, **shown, step="save")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    looked = pages.send(GATE, **shown, step="preview").text
    assert "0.80</del>" in looked
    assert "0.90</ins>" in looked
    assert "quality/orders" in looked or "and" in looked
    assert pages.send(GATE, **shown, reason="the new source is whole", step="save", seen="0").status_code == 303
    page = pages.get(GATE)
    for said in ("Last changed by test", "the new source is whole", "Version 1", "In force"):
        assert said in page
    told = service.get("/api/v1/audit", params={"action": "POST /{lang}/settings"}, headers=service.key("steward")).json()["items"]
    assert told[0]["detail"]["values"] == {"completeness": 0.9}
    assert told[0]["detail"]["reason"] == "the new source is whole"


def test_one_press_returns_to_an_earlier_version(service):
    pages = Pages(service)
    shown = as_shown(pages.get(GATE))
    for value in ("0.9", "0.95"):
        assert pages.send(GATE, **(shown | {"value.completeness": value}), reason="try", step="save").status_code == 303
    assert pages.get(GATE).count("Return to this") == 2, "version 1, and as it was delivered"
    for version, held in ((1, 0.9), (0, 0.8)):
        assert pages.send(GATE, step="back", version=str(version), scope="").status_code == 303
        assert service.get("/api/v1/settings/quality.gate", headers=service.key("steward")).json()["values"]["completeness"] == held
    history = service.get("/api/v1/settings/quality.gate/history", headers=service.key("steward")).json()
    assert [v["reason"] for v in history[:2]] == ["returned to version 0 from its history", "returned to version 1 from its history"]


def test_somebody_was_faster(service):
    pages = Pages(service)
    shown = as_shown(pages.get(GATE)) | {"value.score": "90", "reason": "x", "step": "save", "seen": "0"}
    assert pages.send(GATE, **shown).status_code == 303
    late = pages.send(GATE, **(shown | {"value.score": "91"}))
    assert late.status_code == 409
    assert "Somebody else has changed this meanwhile" in late.text
    assert 'value="91"' in late.text


def test_what_is_adjusted_for_a_table_is_named_in_the_list(service):
    pages = Pages(service)
    shown = as_shown(pages.get(f"{GATE}?scope=orders"))
    assert (
        pages.send(GATE, **(shown | {"value.validity": "0.7"}), scope="orders", reason="x", step="save").headers["location"] == f"{GATE}?scope=orders"
    )
    listed = pages.get("/en/settings")
    assert "/en/settings/quality.gate?scope=orders" in listed
    assert "Nobody has changed it" in listed
    assert "Poort van een tabel" in pages.get("/nl/settings")


def test_who_may_look_and_who_may_change(service):
    analyst = Pages(service, "analyst")
    page = analyst.get(GATE)
    assert "Stewards may change this" in page
    assert "Show what changes" not in page
    assert analyst.send(GATE, **{"value.score": "90", "reason": "x", "step": "save"}).status_code == 403
    assert analyst.send(GATE, step="back", version="0").status_code == 403
    assert service.get("/en/settings", headers=service.key("viewer")).status_code == 403


def test_who_must_sign_in_again_comes_back_to_the_page(service):
    pages = Pages(service)
    mark = pages.mark
    service.get("/en/sign-out")
    answer = service.post(GATE, data={"csrf": mark, "step": "back", "version": "0"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/en/sign-in?next={GATE}")


@pytest.mark.parametrize("path", ["/en/settings/nothing", f"{GATE}?scope=no_table"])
def test_what_is_not_there(service, path):
    assert "no such group" in Pages(service).get(path, status=404)


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_it_keeps_the_policy_of_pages(service, every, lang):
    pages = Pages(service)
    for path in ("settings", "settings/tests.every", "settings/quality.gate?scope=orders"):
        text = pages.get(f"/{lang}/{path}")
        assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style|(?:src|href|action)=\"https?:|built-in method", text)


VALUES = st.builds(
    EveryType,
    share=st.floats(0, 1), rounds=st.integers(1, 10**9), switched=st.booleans(), mode=st.sampled_from(["slow", "fast"]),
    level=st.sampled_from([1, 2]), colour=st.sampled_from(Colour), colours=st.lists(st.sampled_from(Colour), unique=True),
    people=st.lists(st.from_regex(r"[a-zé0-9@.]{1,9}", fullmatch=True)), steps=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
    ceiling=st.none() | st.floats(allow_nan=False, allow_infinity=False), note=st.from_regex(r"([a-z:]{1,9})?", fullmatch=True), at=st.times(),
    until=st.none() | st.dates(), weights=st.dictionaries(st.from_regex(r"[a-z:]{0,3}[a-z]", fullmatch=True), st.floats(-9, 9)),
    whom=st.none() | st.sampled_from(["owner", "team"]),
    parts=st.lists(st.builds(Part, name=st.text(max_size=5), size=st.integers(-3, 3)), max_size=2),
)  # fmt: skip


@settings(deadline=None)
@given(VALUES)
def test_what_is_written_into_a_form_is_what_is_read_from_it(value):
    told = value.model_dump(mode="json")
    read = {f.name: f.read(f.written(told[f.name])) for f in fields_of(EveryType)}
    assert EveryType.model_validate(read) == value


@settings(deadline=None)
@given(st.text(max_size=30) | st.sampled_from(["nan", "1e999", "1_0", "-0", "0,5"]))
def test_whatever_is_typed_is_read_or_refused(text):
    say, k = Speaker("nl", None), words("nl")["settings"]
    for f in fields_of(EveryType):
        with contextlib.suppress(Unreadable):
            value = f.read([text])
            assert isinstance(value_said(f, value, say, k), str)
            assert value not in (float("inf"), float("-inf"))
            assert f.kind not in ("number", "whole") or value is None or value == value
    assert {"number", "whole", "choice", "pair", "json", "missing"} <= set(k["unreadable"])


def test_schedules_are_made_by_name_on_a_page(service):
    page = Pages(service)
    first = page.get("/en/settings/schedules")
    assert "Nobody has made one yet" in first
    assert 'name="scope"' in first
    assert "0 6 * * *" in page.get("/en/settings/schedules?scope=mornings")
    fields = {"scope": "mornings", "seen": "0", "step": "save", "reason": "early figures", "own": ["cron"]}
    values = {"job": "retrain", "cron": "0 5 * * *", "zone": "UTC", "enabled": "true", "from_hour": "0", "to_hour": "24"}
    fields |= {f"value.{name}": value for name, value in values.items()}
    sent = page.send("/en/settings/schedules", **fields)
    assert sent.status_code == 303, sent.text[:2000]
    assert "mornings" in page.get("/en/settings/schedules")
    assert page.send("/en/settings/schedules", scope="mornings", seen="1", step="save", reason="x", own=["job"]).status_code == 422
    page.get("/en/settings/schedules?scope=../x", status=404)
    page.get("/nl/settings/distribution.rules?scope=analytics")
    page.get("/nl/settings/distribution.rules?scope=no_engine", status=404)


def test_every_group_and_field_has_its_words_in_both_languages():
    for lang in ("en", "nl"):
        groups = words(lang)["settings"]["groups"]
        assert {n: set(s.model.model_fields) - set(groups.get(n, {}).get("fields", {})) for n, s in SETTINGS.items()} == {n: set() for n in SETTINGS}


def test_a_version_of_very_many_digits_was_never_seen(service):
    pages = Pages(service)
    answer = pages.send(GATE, **as_shown(pages.get(GATE)) | {"value.score": "90", "reason": "x", "step": "save", "seen": "1" * 5_000})
    assert answer.status_code == 409
