"""Cleaning over API and pages: sums that close, examples of rules, what people undo and decide; nothing of another tenant, nothing personal."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
import yaml

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning.clean import QUARANTINE_SCHEMA
from seeding_platform.cleaning.policies import edit, load_policy
from seeding_platform.cleaning.policies.edit import CannotChange, PairChange, RuleChange, edited, with_change
from seeding_platform.errors import ConfigError
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.service.posts import POSTS, ROWS, RULES, THEIRS, cleaned_into, raw_posts
from seeding_platform_tests.service.test_api import is_problem

URL = "/api/v1/cleaning/content_posts"
PAGES = ["quality/cleaning", "quality/cleaning/content_posts", "quality/cleaning/content_posts/clusters"]
READ = ["/api/v1/cleaning", URL, f"{URL}/rejects", f"{URL}/repairs", f"{URL}/clusters", f"{URL}/changes", *(f"/en/{page}" for page in PAGES)]


class Cleaned:
    """A service whose posts are cleaned, and cleaned again on demand."""

    def __init__(self, client) -> None:
        self.client, self.settings = client, client.app.state.service.settings
        self.file = self.settings.policies / "content_posts.yaml"
        self.lake = Lake(self.settings.lake)
        self.raw = raw_posts(("default", ROWS), ("other", THEIRS))

    def again(self):
        return cleaned_into(self.lake, self.raw, self.settings.policies)

    def get(self, url: str, role: str = "viewer", tenant: str = "default"):
        return self.client.get(url, headers=self.client.key(role, tenant))

    def post(self, url: str, body: dict, role: str = "operator", tenant: str = "default"):
        return self.client.post(url, json=body, headers=self.client.key(role, tenant))


@pytest.fixture
def posts(service) -> Cleaned:
    made = Cleaned(service)
    made.file.parent.mkdir(parents=True)
    made.file.write_text(RULES, encoding="utf-8")
    made.again()
    return made


def test_rows_in_are_kept_merged_or_quarantined(posts):
    [told] = posts.get("/api/v1/cleaning").json()
    assert told["rows_in"] == told["raw_rows"] == told["kept"] + told["merged"] + told["quarantined"] == 7
    assert (told["kept"], told["merged"], told["quarantined"], told["clusters"]) == (4, 1, 2, 1)
    required = [c for c in POSTS.required_columns() if c not in POSTS.derived]
    assert told["filled_before"] == {
        "numerator": 7 * len(required) - 1,
        "denominator": 7 * len(required),
        "value": pytest.approx(1 - 1 / (7 * len(required))),
    }
    assert told["filled_after"]["value"] == 1
    assert told["validity"] == {"numerator": 5, "denominator": 7, "value": 5 / 7}
    page = posts.get("/en/quality/cleaning").text
    assert page.count("7 in = 4 kept + 1 merged + 2 quarantined.") == 2  # in all, and of the one table
    assert "Nothing lost." in page


def test_a_raw_table_that_changed_since_says_so(posts):
    posts.lake.overwrite("raw/content_posts", pl.concat([posts.raw, posts.raw.head(1)]))
    assert posts.get("/api/v1/cleaning").json()[0]["raw_rows"] == 8
    assert "The raw table holds 8 rows now" in posts.get("/en/quality/cleaning").text
    only_raw = Cleaned(posts.client)
    only_raw.lake.overwrite("raw/campaigns", LANDED["campaigns"].empty("raw"))
    assert [t["contract"] for t in posts.get("/api/v1/cleaning").json()] == ["content_posts"]


def test_every_rule_has_its_count_and_examples(posts):
    told = posts.get(URL).json()
    rejects = {r["rule"]: r for r in told["rejects"]}
    assert {rule: r["rows"] for rule, r in rejects.items()} == {"not_allowed": 1, "not_a_time": 1, "published_has_a_date": 1}
    [example] = rejects["not_a_time"]["examples"]
    assert (example["file"], example["position"], example["column"], example["value"]) == ("default.csv", "line 8", "published_at", "some day")
    assert "'some day' is no time" in example["message"]
    repairs = {r["rule"]: r for r in told["repairs"]}
    assert repairs["url_lower"]["cells"] == 2
    assert (repairs["url_lower"]["examples"][0]["before"], repairs["url_lower"]["examples"][0]["after"]) == (
        "https://Shop.example/A",
        "https://shop.example/a",
    )
    page = posts.get("/en/quality/cleaning/content_posts").text
    for text in ("Not a time", "some day", "https://Shop.example/A", "https://shop.example/a", "Url lower"):
        assert text in page
    assert "Nowhere<b>" not in page
    assert "Nowhere&lt;b&gt;" in page


def test_lists_are_paged(posts):
    whole = posts.get(f"{URL}/rejects").json()
    parts = [posts.get(f"{URL}/rejects?limit=1&offset={n}").json() for n in range(4)]
    assert whole["total"] == 3
    assert [p["items"] for p in parts] == [[item] for item in whole["items"]] + [[]]
    assert posts.get(f"{URL}/rejects?rule=not_a_time").json()["total"] == 1
    assert posts.get(f"{URL}/repairs?rule=url_lower&limit=1").json()["total"] == 2
    assert posts.get(f"{URL}/repairs").json()["total"] == 3
    assert is_problem(posts.get(f"{URL}/clusters?limit=0"), 422, "invalid-request")
    assert is_problem(posts.get(f"{URL}/clusters?kind=other"), 422, "invalid-request")
    assert "Show all" not in posts.get("/en/quality/cleaning/content_posts").text
    assert "1 to 2 of 2" in posts.get("/en/quality/cleaning/content_posts?repairs=url_lower").text


def test_nothing_of_another_tenant_comes_back(posts):
    posts.post(f"{URL}/pairs", {"one": "S-1", "other": "S-2", "decision": "apart"}, tenant="other")
    for url in READ:
        told = posts.get(url, "admin").text
        assert "S-1" not in told, url
        assert not re.search(r"secret (plan|platform)|secret\.example", told, re.IGNORECASE), url
    assert "S-1" in posts.get(URL, tenant="other").text
    assert "Secret plan" in posts.get(f"{URL}/clusters", tenant="other").text
    assert is_problem(posts.post(f"{URL}/pairs", {"one": "P-1", "other": "S-1", "decision": "same"}), 422, "no-such-record")
    assert is_problem(posts.post(f"{URL}/pairs", {"one": "S-1", "other": "S-2", "decision": "none"}), 422, "no-such-record")


def test_a_tenant_without_rows_and_an_empty_platform_say_so(service, posts):
    assert posts.get("/api/v1/cleaning", tenant="third").json() == []
    empty = posts.get(URL, tenant="third").json()
    assert (empty["rows_in"], empty["score"], empty["rejects"], empty["validity"]["value"]) == (0, None, [], None)


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_an_empty_platform_has_its_pages(service, lang):
    key = service.key()
    assert service.get("/api/v1/cleaning", headers=key).json() == []
    said = {"en": "No table holds rows yet", "nl": "Nog geen tabel heeft rijen"}[lang]
    assert said in service.get(f"/{lang}/quality/cleaning", headers=key).text
    for page in PAGES[1:]:
        assert service.get(f"/{lang}/{page}", headers=key).status_code == 200


def test_a_contract_that_there_is_not(posts):
    for url in ("/api/v1/cleaning/none", "/api/v1/cleaning/none/clusters"):
        assert is_problem(posts.get(url), 404, "no-such-contract")
    for url in ("/en/quality/cleaning/none", "/en/quality/cleaning/none/clusters"):
        page = posts.get(url)
        assert (page.status_code, "There is nothing here" in page.text) == (404, True)
    assert is_problem(posts.post("/api/v1/cleaning/none/rules", {"rule": "x", "undone": True}), 404, "no-such-contract")
    assert is_problem(posts.get("/api/v1/cleaning/ads_daily"), 404, "no-such-contract")  # computed, not landed
    assert posts.client.get("/en/quality/cleaning", follow_redirects=False).headers["location"] == "/en/sign-in?next=/en/quality/cleaning"


def test_a_rule_is_undone_and_applied_again(posts):
    before = posts.file.read_text(encoding="utf-8")
    fingerprint = posts.get(URL).json()["policy"]["fingerprint"]
    for role in ("viewer", "analyst"):
        assert is_problem(posts.post(f"{URL}/rules", {"rule": "url_lower", "undone": True}, role), 403, "forbidden")
        assert "Undo this rule" not in posts.get("/en/quality/cleaning/content_posts", role).text
    assert "Undo this rule" in posts.get("/en/quality/cleaning/content_posts", "operator").text
    told = posts.post(f"{URL}/rules", {"rule": "url_lower", "undone": True}).json()
    rule = {r["name"]: r for r in told["rules"]}["url_lower"]
    assert (rule["undone"], rule["waits"], rule["cells"], rule["declared_in"]) == (True, True, 2, "policy")
    assert told["fingerprint"] != fingerprint
    assert posts.file.read_text(encoding="utf-8") == before + "without: [url_lower]\n"
    page = posts.get("/en/quality/cleaning/content_posts", "operator").text
    assert "Apply again" in page
    assert "until it is cleaned again" in page
    result = posts.again()
    assert "url_lower" not in result.repairs["rule"].to_list()
    assert "https://Shop.example/A" in result.kept["url"].to_list()
    assert {r["name"]: r["waits"] for r in posts.get(URL).json()["policy"]["rules"]} == {"url_lower": False, "mail_lower": False}
    assert posts.post(f"{URL}/rules", {"rule": "url_lower", "undone": False}).json()["fingerprint"] == fingerprint
    assert posts.file.read_text(encoding="utf-8") == before
    assert "https://shop.example/a" in posts.again().kept["url"].to_list()
    changes = posts.get(f"{URL}/changes").json()
    assert [(c["rule"], c["undone"], c["actor"]) for c in changes] == [
        ("url_lower", False, "operatordefault"),
        ("url_lower", True, "operatordefault"),
    ]
    assert changes[0]["fingerprint"] == fingerprint
    assert posts.get(f"{URL}/changes", tenant="other").json() == []
    assert "url_lower was undone" in posts.get("/en/quality/cleaning/content_posts").text
    assert is_problem(posts.post(f"{URL}/rules", {"rule": "none", "undone": True}), 404, "no-such-rule")
    assert len(posts.get(f"{URL}/changes").json()) == 2


def test_records_are_put_apart_and_joined_for_good(posts):
    [cluster] = posts.get(f"{URL}/clusters").json()["items"]
    members = {m["record"]: m for m in cluster["members"]}
    assert set(members) == {"P-1", "P-2"}
    assert {m["outcome"] for m in cluster["members"]} == {"marked"}
    other = cluster["members"][1]
    words = {p["change"]: p["text"] for p in other["pieces"]}
    assert {words["added"], words["removed"]} == {"warehouse", "warehuose"}
    assert words["added"] in other["text"]
    assert other["duplicate_kind"] == "fuzzy"
    assert posts.get(f"{URL}/clusters?kind=strict").json()["total"] == 0
    assert "These are not the same" in posts.get(f"/en/{PAGES[2]}", "operator").text
    assert "data-send" not in posts.get(f"/en/{PAGES[2]}", "analyst").text
    told = posts.post(f"{URL}/pairs", {"one": "P-2", "other": "P-1", "decision": "apart"}).json()
    assert told["pairs"] == [{"one": "P-1", "other": "P-2", "decision": "apart", "waits": True}]
    assert "Put apart" in posts.get(f"/en/{PAGES[2]}", "operator").text
    entry = yaml.safe_load(posts.file.read_text(encoding="utf-8"))["duplicates"]
    assert entry == {"text": "text", "mode": "fuzzy", "action": "mark", "never_merge": [["P-1", "P-2"]]}
    assert posts.again().clusters.filter(pl.col("tenant") == "default").height == 0
    assert posts.get(URL).json()["policy"]["pairs"][0]["waits"] is False
    told = posts.post(f"{URL}/pairs", {"one": "P-3", "other": "P-4", "decision": "same"}).json()
    assert [(p["one"], p["other"], p["decision"]) for p in told["pairs"]] == [("P-3", "P-4", "same"), ("P-1", "P-2", "apart")]
    assert set(posts.again().clusters.filter(pl.col("tenant") == "default")["record"]) == {"P-3", "P-4"}
    page = posts.get(f"/en/{PAGES[2]}", "operator").text
    assert page.count("Take back") == 1 + 2
    assert "a person" in page
    for pair in (("P-1", "P-2"), ("P-4", "P-3")):
        posts.post(f"{URL}/pairs", {"one": pair[0], "other": pair[1], "decision": "none"})
    assert posts.file.read_text(encoding="utf-8") == RULES
    assert len(posts.get(f"{URL}/changes").json()) == 4
    assert is_problem(posts.post(f"{URL}/pairs", {"one": "P-1", "other": "P-1", "decision": "same"}), 422, "one-record")


def test_pairs_where_no_duplicates_are_sought(posts):
    raw = LANDED["campaigns"].empty("raw")
    columns = {
        "tenant": "default",
        "campaign_id": "c",
        "name": "n",
        "_source": "s",
        "_batch": "b@0123456789ab",
        "_op": "I",
        "_position": "1",
        "_notation": "",
    }
    rows = [{name: columns.get(name) for name in raw.columns} | {"campaign_id": f"c{n}", "_row": n, "synthetic": False} for n in range(2)]
    cleaned_into(posts.lake, pl.DataFrame(rows, schema=raw.schema), posts.settings.policies, contract=LANDED["campaigns"])
    wanted = {"one": "c0", "other": "c1", "decision": "same"}
    assert is_problem(posts.post("/api/v1/cleaning/campaigns/pairs", wanted), 409, "no-duplicates-sought")
    assert {t["contract"]: t["clusters"] for t in posts.get("/api/v1/cleaning").json()} == {"content_posts": 1, "campaigns": None}


def test_of_merged_rows_the_survivor_and_what_filled_its_gaps_are_told(posts):
    posts.file.write_text(RULES + "duplicates: {text: text, mode: fuzzy, action: merge}\n", encoding="utf-8")
    rows = [{**row, "url": None} if row["post_id"] == "P-2" else row for row in ROWS]
    posts.raw = raw_posts(("default", rows))
    posts.again()
    [cluster] = posts.get(f"{URL}/clusters").json()["items"]
    assert {m["record"]: (m["outcome"], m["filled"]) for m in cluster["members"]} == {"P-2": ("survivor", ["url"]), "P-1": ("merged", [])}
    assert all(m["text"] and m["when"] for m in cluster["members"])
    assert cluster["merged"] is True
    assert "One row survived" in posts.get(f"/en/{PAGES[2]}").text


def test_personal_values_are_masked_for_every_role(posts):
    quarantined = {name: None for name in QUARANTINE_SCHEMA} | {
        "tenant": "default", "_source": "made__main", "_batch": "a.csv@0123456789ab", "_row": 90, "_position": "line 92",
        "rules": ["not_allowed", "missing"], "columns": ["author_email", "platform"], "values": ["Personal@Example.org", ""],
        "message": "a.csv, line 92, column author_email: 'Personal@Example.org' is no address; column platform: '' is missing",
        "record": json.dumps({"author_email": "Personal@Example.org"}),
    }  # fmt: skip
    posts.lake.overwrite("clean/content_posts__quarantine", pl.DataFrame([quarantined], schema=QUARANTINE_SCHEMA))
    for role in ("viewer", "admin"):
        for url in [*READ, f"/en/{PAGES[1]}?rejects=not_allowed", f"/en/{PAGES[1]}?repairs=mail_lower"]:
            assert "personal@example.org" not in posts.get(url, role).text.lower(), url
    [example] = posts.get(f"{URL}/rejects?rule=not_allowed", "admin").json()["items"]
    assert (example["value"], example["masked"]) == (None, True)
    assert "'•••' is no address; column platform: '' is missing" in example["message"]
    [repair] = posts.get(f"{URL}/repairs?rule=mail_lower", "admin").json()["items"]
    assert (repair["before"], repair["after"], repair["masked"], repair["column"]) == (None, None, True, "author_email")
    assert "Values of author_email are personal" in posts.get(f"/en/{PAGES[1]}").text


def test_what_somebody_wrote_into_another_column_is_not_told(posts):
    """A sentence in a column of times, an address in a text: declared personal nowhere."""
    mail, name = "jan.de.vries@example.org", "Wilhelmina Zonnevanck"
    quarantined = {name: None for name in QUARANTINE_SCHEMA} | {
        "tenant": "default", "_source": "made__main", "_batch": "a.csv@0123456789ab", "_row": 91, "_position": "line 93",
        "rules": ["not_a_time", "not_a_number", "missing"], "columns": ["published_at", "media_count", "text"],
        "values": [f"{name}, {mail}", "twelve", f"call 06 12345678 or {mail}"],
        "message": f"a.csv, line 93, column published_at: '{name}, {mail}' is no time; column media_count: 'twelve' is no number",
        "record": "{}",
    }  # fmt: skip
    posts.lake.overwrite("clean/content_posts__quarantine", pl.DataFrame([quarantined], schema=QUARANTINE_SCHEMA))
    for url in [*READ, *(f"/en/{PAGES[1]}?rejects={rule}" for rule in quarantined["rules"])]:
        text = posts.get(url, "admin").text
        assert not any(word in text for word in (mail, name, "Wilhelmina", "12345678")), url
    [time] = posts.get(f"{URL}/rejects?rule=not_a_time", "admin").json()["items"]
    assert (time["value"], time["masked"]) == ("Aaaaaaaaaa Aaaaaaaaaa, [AAAAA]", False)
    assert "'Aaaaaaaaaa Aaaaaaaaaa, [AAAAA]' is no time; column media_count: 'twelve' is no number" in time["message"]
    [number] = posts.get(f"{URL}/rejects?rule=not_a_number", "admin").json()["items"]
    assert number["value"] == "twelve"
    [text] = posts.get(f"{URL}/rejects?rule=missing", "admin").json()["items"]
    assert text["value"] == "call [PHONE] or [EMAIL]"


def test_what_is_filled_from_a_personal_column_is_masked_too(posts):
    rule = "  - {name: from_mail, kind: format, column: prompt_version, source: author_email, pattern: '^(.*)@.*$', replace: 'was $1'}\n"
    posts.file.write_text(RULES + rule, encoding="utf-8")
    assert "from_mail" in posts.again().repairs["rule"].to_list()
    assert "was Personal" not in posts.get(URL).text + posts.get(f"{URL}/repairs").text + posts.get(f"/en/{PAGES[1]}").text


def test_a_policy_file_that_cannot_be_used_is_told_and_stays(posts):
    posts.file.write_text("iqr_factor: [\n", encoding="utf-8")
    assert is_problem(posts.post(f"{URL}/rules", {"rule": "url_lower", "undone": True}), 503, "not-now")
    assert is_problem(posts.get(URL), 503, "policy-unusable")
    assert "line 2" in posts.get(URL, "operator").text
    assert "line 2" not in posts.get(URL).text + posts.get(f"/en/{PAGES[2]}").text
    page = posts.get(f"/en/{PAGES[1]}", "operator")
    assert page.status_code == 200
    assert "The policy file cannot be used." in page.text
    assert "some day" in page.text
    assert posts.file.read_text(encoding="utf-8") == "iqr_factor: [\n"


@pytest.mark.parametrize("lang", ["en", "nl"])
@pytest.mark.parametrize("page", [*PAGES, f"{PAGES[1]}?rejects=not_a_time", f"{PAGES[2]}?kind=fuzzy"])
def test_pages_are_in_their_language_and_keep_their_policy(posts, lang, page):
    posts.post(f"{URL}/pairs", {"one": "P-1", "other": "P-2", "decision": "apart"})
    answer = posts.get(f"/{lang}/{page}", "operator")
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text
    assert {"en": "Cleaning", "nl": "Opschonen"}[lang] in answer.text
    assert {"en": "Pipeline", "nl": "Pijplijn"}[lang] in answer.text
    assert not re.findall(r"\sstyle=|\son[a-z]+=\"|<script(?! src=\"/static/)|<style", answer.text)
    assert 'aria-current="page"' in answer.text
    for address in re.findall(r'href="(/[a-z]{2}/quality/[^"]*)" hreflang', answer.text):
        assert posts.get(address.replace("&amp;", "&")).status_code == 200


# the policy file


def test_only_the_entry_that_changes_is_written_again(tmp_path):
    file = tmp_path / "content_posts.yaml"
    text = "# top\nwithout:   # undone\n  - a_rule\n\n# limits\niqr_factor: 3 # wide\nrepairs: [{name: r, kind: format, column: url, case: lower}]\n"
    file.write_text(text, encoding="utf-8")
    assert with_change(tmp_path, POSTS, RuleChange("r", undone=True)).without == ("a_rule", "r")
    assert file.read_text(encoding="utf-8").startswith("# top\nwithout: [a_rule, r]\n\n# limits\niqr_factor: 3 # wide\n")
    with_change(tmp_path, POSTS, RuleChange("a_rule", undone=False))  # no rule any more, and yet it can be taken out
    with_change(tmp_path, POSTS, RuleChange("r", undone=False))
    assert file.read_text(encoding="utf-8") == text.replace("without:   # undone\n  - a_rule\n", "")


FORMS = ["{iqr_factor: 3, without: [a]}\n", "without: &x [a]\nby: *x\n", "iqr_factor: 3", "", "# only words\n", "---\niqr_factor: 3\n...\n"]


@pytest.mark.parametrize("text", [*FORMS, "without:\n- a\n  # b\niqr_factor: 3\n"])
def test_a_file_in_any_form_says_what_it_is_to_say(text):
    entries = {**(yaml.safe_load(text) or {}), "without": ["a", "b: c", "é #"]}
    assert yaml.safe_load(edited(text, entries, "without")) == entries
    assert (yaml.safe_load(edited(text, {k: v for k, v in entries.items() if k != "without"}, "without")) or {}).keys() == entries.keys() - {
        "without"
    }


def test_changes_at_once_are_all_kept(tmp_path):
    rules = "".join(f"  - {{name: r{n}, kind: format, column: url, case: lower}}\n" for n in range(12))
    (tmp_path / "content_posts.yaml").write_text(f"repairs:\n{rules}", encoding="utf-8")
    ready = threading.Barrier(12)

    def undo(n: int) -> None:
        ready.wait()
        with_change(tmp_path, POSTS, RuleChange(f"r{n}", undone=True))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(undo, range(12)))
    assert sorted(load_policy(POSTS, tmp_path).without) == sorted(f"r{n}" for n in range(12))


def test_a_change_that_cannot_be_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "content_posts.yaml"
    file.write_text(RULES, encoding="utf-8")
    with pytest.raises(CannotChange, match="no repair rule 'none'"):
        with_change(tmp_path, POSTS, RuleChange("none", undone=True))
    with pytest.raises(CannotChange, match="seeks no duplicates"):
        with_change(tmp_path, LANDED["campaigns"], PairChange(("a", "b"), "same"))

    def refuses(policy) -> None:
        raise ConfigError("not kept")

    with pytest.raises(ConfigError, match="not kept"):
        with_change(tmp_path, POSTS, RuleChange("url_lower", undone=True), before_write=refuses)
    assert file.read_text(encoding="utf-8") == RULES
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == [file.name]


def test_a_shipped_entry_is_the_beginning_and_comes_back(tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "content_posts.yaml").write_text("without: [theirs]\nrepairs: [{name: r, kind: format, column: url, case: lower}]\n", encoding="utf-8")
    monkeypatch.setattr(edit, "SHIPPED", shipped)
    own = tmp_path / "own"
    with_change(own, POSTS, RuleChange("r", undone=True))
    assert (own / "content_posts.yaml").read_text(encoding="utf-8") == "without: [theirs, r]\n"
    with_change(own, POSTS, RuleChange("r", undone=False))
    assert (own / "content_posts.yaml").read_text(encoding="utf-8") == ""
