"""Duplicates by text: the same post in another form is one thing; one other fact makes another."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.cleaning import deduplicate
from seeding_platform.cleaning.dedup.fuzzy import components
from seeding_platform.errors import ConfigError
from seeding_platform_tests.benchmarks.dedup.generate import generate
from seeding_platform_tests.benchmarks.dedup.measure import measure

POST = "Our shop in Utrecht gives a discount of 20% on rain jackets until 4 June, customers are happy."


def clusters(*texts: str | None, mode: str = "fuzzy") -> list[int]:
    frame = pl.DataFrame({"id": range(len(texts)), "text": list(texts)}, schema={"id": pl.Int64, "text": pl.String})
    found = deduplicate(frame, id="id", text="text", mode=mode)["cluster_id"]
    return found.rank("dense").cast(pl.Int64).to_list()


def together(*texts: str | None, mode: str = "fuzzy") -> bool:
    return len(set(clusters(*texts, mode=mode))) == 1


@pytest.mark.parametrize(
    "other",
    [
        POST.upper(),
        "  " + POST.replace(" ", "  ") + "\n",
        POST.replace("o", "o\u200b"),
        "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in POST),
        POST.replace(" ", "\u00a0"),
    ],
)
def test_another_form_is_the_same_text(other):
    assert together(POST, other, mode="strict")
    assert together(POST, other)


@pytest.mark.parametrize(
    "other",
    [
        "RT @someone: " + POST,
        POST.replace("customers", "custmers"),
        POST + " #sale #rain",
        POST[:70] + "…",
        "Wow! " + POST,
        POST.replace("until", "untill"),
    ],
)
def test_what_people_and_platforms_do_to_a_text_leaves_it_the_same(other):
    assert together(POST, other)


@pytest.mark.parametrize(
    "other",
    [
        POST.replace("20%", "25%"),
        POST.replace("Utrecht", "Leiden"),
        POST.replace("4 June", "4 July"),
        POST.replace("jackets", "boots"),
        POST.replace("are happy", "are not happy"),
        POST.replace("until", "before"),
    ],
)
def test_one_other_fact_is_another_post(other):
    assert not together(POST, other)


def test_names_that_change_places_are_another_post_even_beside_a_misspelling():
    said = "Anna Bakker beats Vera Hughes by far in the final of the Brussels tennis tournament"
    swapped = "Vera Hughes beats Anna Bakker by far in the final of the Brussels tennis tournament"
    misspelt = said.replace("Bakker", "Baker")
    found = clusters(said, swapped, misspelt)
    assert found[0] != found[1]
    assert found[2] != found[1]


def test_a_cut_off_text_that_fits_two_posts_joins_neither():
    begin = "The new line of garden chairs from Kolomu is in store from Monday and comes in "
    found = clusters(begin + "red and yellow", begin + "blue and green", begin[:70] + "…")
    assert len(set(found)) == 3


@pytest.mark.parametrize("nothing", ["", "ok", "👍", "...", "#tbt", None, "lol", "ja hoor"])
def test_texts_that_say_nothing_are_never_merged(nothing):
    assert len(set(clusters(nothing, nothing, nothing, mode="strict"))) == 3
    assert len(set(clusters(nothing, nothing, nothing))) == 3


def test_the_order_of_the_rows_changes_nothing():
    made = generate(2_000, 11)
    one = deduplicate(made, id="id", text="text", mode="fuzzy")
    mixed = deduplicate(made.sample(fraction=1.0, shuffle=True, seed=3), id="id", text="text", mode="fuzzy")
    assert one.sort("id").equals(mixed.sort("id"))


def test_made_posts_of_a_seed_never_seen():
    made = generate(6_000, random.SystemRandom().randrange(10**6))
    found = measure(made, deduplicate(made, id="id", text="text", mode="fuzzy"), without=("paraphrase",))
    assert found.precision >= 0.99, found.line()
    assert found.recall >= 0.94, found.line()
    assert found.hard_merged <= 0.02, found.line()
    assert found.degenerate_merged == 0, found.line()


@pytest.mark.parametrize("mode", ["strict", "fuzzy"])
@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["one text alone here"],
        [None, None],
        ["the same text again"] * 3_000,
        ["word " * 200_000],
        ["مرحبا بالعالم كيف حالك اليوم", "שלום עולם מה שלומך היום"],
        ["a" * 1_000_000, "b c d"],
    ],
)
def test_dirty_corners(texts, mode):
    frame = pl.DataFrame({"k": [f"r{n}" for n in range(len(texts))], "t": texts}, schema={"k": pl.String, "t": pl.String})
    found = deduplicate(frame, id="k", text="t", mode=mode)
    assert found.columns == ["k", "cluster_id", "duplicate_kind", "similarity"]
    assert found["k"].to_list() == frame["k"].to_list()
    assert found.null_count().sum_horizontal().item() == 0
    assert found["similarity"].is_between(0, 1).all()


@given(st.lists(st.text(max_size=60), max_size=25))
@settings(max_examples=40, deadline=None)
def test_every_row_comes_back_once(texts):
    frame = pl.DataFrame({"id": range(len(texts)), "text": texts}, schema={"id": pl.Int64, "text": pl.String})
    found = deduplicate(frame, id="id", text="text", mode="fuzzy")
    assert found["id"].to_list() == list(range(len(texts)))
    sizes = found.group_by("cluster_id").agg(n=pl.len(), originals=pl.col("duplicate_kind").is_in(["original", "unique"]).sum())
    assert (sizes["originals"] == 1).all()


@pytest.mark.parametrize(
    ("frame", "mode", "says"),
    [
        (pl.DataFrame({"id": [1], "text": ["a"]}), "loose", "mode"),
        (pl.DataFrame({"id": [1], "body": ["a"]}), "fuzzy", "no column text"),
        (pl.DataFrame({"id": [1, None], "text": ["a", "b"]}), "fuzzy", "null"),
        (pl.DataFrame({"id": [1, 1], "text": ["a", "b"]}), "fuzzy", "twice"),
    ],
)
def test_what_cannot_be_done_is_refused(frame, mode, says):
    with pytest.raises(ConfigError, match=says):
        deduplicate(frame, id="id", text="text", mode=mode)


REWORDED = "Emma Jansen of Bakker beats Kim Evans 4-2 in Antwerp on Friday, the crowd in the hall is happy about the great match."


@pytest.fixture(scope="module")
def corpus() -> pl.DataFrame:
    return generate(12_000, random.SystemRandom().randrange(10**6))


def among(corpus: pl.DataFrame, *texts: str) -> bool:
    """Whether texts are one thing among those of a corpus, which tells common words from rare ones."""
    own = pl.DataFrame({"id": [f"own{i}" for i in range(len(texts))], "text": list(texts)})
    found = deduplicate(pl.concat([corpus.select("id", "text"), own]), id="id", text="text", mode="semantic")
    return found.filter(pl.col("id").str.starts_with("own"))["cluster_id"].n_unique() == 1


def test_a_clause_that_was_moved_is_another_way_to_say_it(corpus):
    assert among(
        corpus,
        "Ruguwi moves to a harbour office in Delft. The tekanu opens on 5 June.",
        "The tekanu opens on 5 June. Ruguwi moves to a harbour office in Delft.",
    )


@pytest.mark.parametrize(
    "other",
    [
        "Kim Evans of Bakker beats Emma Jansen 4-2 in Antwerp on Friday, the crowd in the hall is happy about the great match.",
        REWORDED.replace("Friday", "Sunday"),
        REWORDED.replace("Antwerp", "Ghent").replace("happy about", "glad about"),
        REWORDED.replace("4-2", "4-3").replace("great match", "fantastic match"),
        REWORDED.replace("is happy", "is not happy"),
        REWORDED.replace("beats", "lost to"),
    ],
)
def test_other_words_with_another_fact_are_another_thing(corpus, other):
    assert not among(corpus, REWORDED, other)


def test_rewordings_of_posts_never_seen_are_found_and_other_facts_are_not(corpus):
    found = deduplicate(corpus, id="id", text="text", mode="semantic")
    figures = measure(corpus, found)
    assert figures.precision >= 0.99
    assert figures.hard_merged <= 0.01
    assert figures.degenerate_merged == 0
    assert figures.recall_of["paraphrase"] >= 0.5  # few texts teach fewer wordings: see the benchmark for 100,000
    near = measure(corpus, deduplicate(corpus, id="id", text="text", mode="fuzzy"), without=("paraphrase",))
    assert measure(corpus, found, without=("paraphrase",)).recall >= near.recall


def test_the_kind_says_how_a_row_joined():
    texts = [
        "Ruguwi moves to a harbour office in Delft. The tekanu opens on 5 June.",
        "The tekanu opens on 5 June. Ruguwi moves to a harbour office in Delft.",
    ]
    frame = pl.DataFrame({"id": range(5), "text": [texts[0], texts[0] + "!", "Wow! " + texts[0], texts[1], "ok"]})
    kinds = deduplicate(frame, id="id", text="text", mode="semantic")["duplicate_kind"]
    assert kinds[4] == "unique"
    assert set(kinds[:4]) >= {"original", "semantic"}


def test_people_decide_and_columns_may_have_to_be_equal_too():
    frame = pl.DataFrame(
        {"id": ["a", "b", "c", "d"], "text": [POST, POST, POST + "!", "Something else that was said here today"], "by": [1, 1, 2, 2]}
    )

    def told(**policy):
        found = deduplicate(frame, id="id", text="text", mode="fuzzy", policy=policy)
        return found["cluster_id"].rank("dense").to_list(), found["duplicate_kind"].to_list()

    clusters, kinds = told(by=["by"])
    assert clusters[0] == clusters[1] != clusters[2]
    assert kinds[2:] == ["unique", "unique"]
    clusters, kinds = told(merge=[("a", "d")])
    assert len(set(clusters)) == 1
    assert sorted(kinds).count("original") == 1
    assert "pinned" in kinds
    clusters, kinds = told(never_merge=[("a", "b")])
    assert clusters[0] == clusters[2] != clusters[1]
    assert kinds[1] == "unique"
    with pytest.raises(ConfigError, match="policy: mrege"):
        told(mrege=[("a", "b")])
    with pytest.raises(ConfigError, match="no column nothing"):
        told(by=["nothing"])


@settings(deadline=None)
@given(n=st.integers(1, 40), edges=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=60))
def test_components_are_those_of_a_library(n, edges):
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array([(a % n, b % n) for a, b in edges], dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    assert components(n, pairs).tolist() == connected_components(graph, directed=False)[1].tolist()
