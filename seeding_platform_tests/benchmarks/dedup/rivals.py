"""Deduplicate the same made posts with the libraries people pick, and print one table: `python -m seeding_platform_tests.benchmarks.dedup.rivals`.

What every rival gets, so that the libraries are compared and not the care of their users: texts with entities decoded, NFKC, lower case, no
invisible characters, no "RT @name:", no links (with links kept they did worse), no punctuation; equal texts are then one text. Clusters are
the connected components of a rival's pairs. Each rival runs with the settings of its documentation, and once more with the settings that are
best by F1 on these very posts, which no user could know; the tuned run also leaves texts of fewer than three words alone. Ours runs as shipped.

Every run is a process of its own, imports, reading, preparing and writing included; choosing the best settings is not counted. The package
names of the rivals are the extra `bench`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # the process that measures stays small: a child's peak counts from what its parent held
    import numpy as np
    import polars as pl

Setting = dict[str, Any]

MISSING, REFUSED = 3, 4
"""Exit codes of a run: the library is not installed; the mode is not known."""

SWEPT_ROWS, FINALISTS = 20_000, 6
"""The whole grid is tried on so many rows, the best so many settings of it on all rows."""

FEWEST_WORDS = 3
RARE_WORDS, COMMONEST = 4, 500
"""Texts meet in the blocks of their four rarest words; words of one text or of more than 500 texts make no block."""


class Texts(NamedTuple):
    """The distinct texts, and the text of each row (-1: of none)."""

    frame: pl.DataFrame
    of_row: np.ndarray


def prepared(posts: pl.DataFrame, fewest: int) -> Texts:
    """`text`, `words`, `numbers` of each distinct text of at least `fewest` words."""
    import html

    import polars as pl

    text = pl.col("text")
    entity = text.str.contains("&", literal=True)
    decoded = posts.select(pl.when(entity).then(text.map_elements(html.unescape, return_dtype=pl.String)).otherwise(text))
    plain = (
        text.str.normalize("NFKC")
        .str.replace_all(r"[\u00ad\u200b-\u200f\u2060\ufeff]", "")
        .str.to_lowercase()
        .str.replace(r"^\s*rt @\w+:?\s*", "")
        .str.replace_all(r"https?://\S+", " ")
        .str.replace_all(r"[^\p{L}\p{N}\p{M}]+", " ")
        .str.strip_chars()
    )
    rows = decoded.select(plain).with_row_index("row").filter(text.str.count_matches(r"\S+") >= fewest)
    distinct = rows.group_by("text", maintain_order=True).agg("row").with_row_index("n")
    placed = distinct.select("n", "row").explode("row", empty_as_null=False, keep_nulls=False)
    of_row = pl.Series([-1], dtype=pl.Int64).new_from_index(0, posts.height).scatter(placed["row"], placed["n"].cast(pl.Int64))
    number = text.str.extract_all(r"\d+").list.join(" ")
    frame = distinct.select("text", words=text.str.split(" ").list.unique(maintain_order=True), numbers=pl.when(number != "").then(number))
    return Texts(frame, of_row.to_numpy())


def components(n: int, pairs: np.ndarray) -> np.ndarray:
    """The component of each of n texts."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = pairs.reshape(-1, 2)
    return connected_components(coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n)), directed=False)[1]


def joined(n: int, pairs: Iterator[tuple[int, int]]) -> np.ndarray:
    """The same of pairs that are too many to be held at once."""
    import numpy as np

    component = np.arange(n)
    while (some := np.fromiter(itertools.chain.from_iterable(itertools.islice(pairs, 1_000_000)), dtype=np.int64)).size:
        _, first = np.unique(component, return_index=True)
        known = np.stack([np.arange(n), first[component]], axis=1)
        component = components(n, np.concatenate([known, some.reshape(-1, 2)]))
    return component


def clustered(posts: pl.DataFrame, texts: Texts, component: np.ndarray) -> pl.DataFrame:
    """`id, cluster_id` of every row; rows without a text are alone."""
    import numpy as np
    import polars as pl

    alone = texts.of_row < 0
    named = np.where(alone, len(component) + np.arange(len(alone)), component[np.where(alone, 0, texts.of_row)] if len(component) else 0)
    return posts.select("id", cluster_id=pl.Series(named.astype(np.int64)))


def rare_words(texts: Texts) -> pl.DataFrame:
    """`n, word`: the rarest words of each text that other texts have too."""
    import polars as pl

    flat = texts.frame.select("words").with_row_index("n").explode("words", empty_as_null=False, keep_nulls=False).rename({"words": "word"})
    counted = flat.with_columns(df=pl.len().over("word")).filter(pl.col("df").is_between(2, COMMONEST))
    return counted.sort("n", "df", "word").group_by("n", maintain_order=True).head(RARE_WORDS).select("n", "word")


def tokens(texts: Texts, kind: str) -> list[list[str]]:
    """Words, pairs of neighbouring words or five characters in a row of each text; the text itself where it has none."""
    if kind == "words":
        return texts.frame["words"].to_list()
    spelled = texts.frame["text"].to_list()
    if kind == "characters":
        return [list({t[i : i + 5] for i in range(max(1, len(t) - 4))}) for t in spelled]
    split = [t.split(" ") for t in spelled]
    return [list({f"{a} {b}" for a, b in itertools.pairwise(t)}) or t for t in split]


# --- datasketch -------------------------------------------------------------------------------------------------------------------------------
# https://ekzhu.github.io/datasketch/lsh.html, the example: sets of words, num_perm=128, threshold=0.5, what the index answers is taken as it is.
# The constructor's own default (https://ekzhu.github.io/datasketch/documentation.html#minhash-lsh) is threshold=0.9.
DATASKETCH: list[Setting] = [
    {"threshold": 0.5, "tokens": "words", "checked": False, "fewest": 1},
    {"threshold": 0.9, "tokens": "words", "checked": False, "fewest": 1},
]


def datasketch_grid() -> list[Setting]:
    """Words, pairs of words or characters; nine thresholds; answers taken as they are or checked by the estimated Jaccard."""
    levels = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    return [
        {"threshold": t, "tokens": kind, "checked": checked, "fewest": FEWEST_WORDS}
        for kind in ("words", "pairs", "characters")
        for t in levels
        for checked in (False, True)
    ]


def datasketch(texts: Texts, settings: list[Setting]) -> Iterator[np.ndarray]:
    """MinHash LSH: every text is put in, then asked for."""
    from datasketch import MinHash, MinHashLSH

    kind, threshold, sketches, index = "", -1.0, [], MinHashLSH()

    def found(least: float) -> Iterator[tuple[int, int]]:
        for n, sketch in enumerate(sketches):
            for other in index.query(sketch):
                if other > n and (not least or sketch.jaccard(sketches[other]) >= least):
                    yield n, other

    for setting in settings:
        if setting["tokens"] != kind:
            kind, threshold = setting["tokens"], -1.0
            sketches = MinHash.bulk([[w.encode() for w in t] for t in tokens(texts, kind)], num_perm=128)
        if setting["threshold"] != threshold:
            threshold = setting["threshold"]
            index = MinHashLSH(threshold=threshold, num_perm=128)
            for n, sketch in enumerate(sketches):
                index.insert(n, sketch)
        yield joined(len(sketches), found(threshold if setting["checked"] else 0.0))


# --- rensa ------------------------------------------------------------------------------------------------------------------------------------
# https://github.com/beowolx/rensa#keep-unique-documents: RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True), text.split().
RENSA: list[Setting] = [{"threshold": 0.8, "tokens": "words", "fewest": 1}]


def rensa_grid() -> list[Setting]:
    """Words, pairs of words or characters; ten thresholds."""
    levels = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    return [{"threshold": t, "tokens": kind, "fewest": FEWEST_WORDS} for kind in ("words", "pairs", "characters") for t in levels]


def rensa(texts: Texts, settings: list[Setting]) -> Iterator[np.ndarray]:
    """The first of alike texts is kept; every text is then asked for the kept ones it is like."""
    import numpy as np
    from rensa import RMinHash, RMinHashDeduplicator

    kind, sketches = "", []
    for setting in settings:
        if setting["tokens"] != kind:
            kind = setting["tokens"]
            sketches = RMinHash.from_token_sets(tokens(texts, kind), num_perm=128, seed=42)
        kept = RMinHashDeduplicator(threshold=setting["threshold"], num_perm=128, use_lsh=True)
        kept.add_pairs((str(n), sketch) for n, sketch in enumerate(sketches))
        pairs = [(n, int(other)) for n, others in enumerate(kept.get_duplicate_sets(sketches)) for other in others]
        yield components(len(sketches), np.array(pairs, dtype=np.int64))


# --- rapidfuzz --------------------------------------------------------------------------------------------------------------------------------
# https://rapidfuzz.github.io/RapidFuzz/Usage/process.html#cdist scores lists against lists; it names no threshold. The library it is a drop-in
# replacement for has one for this very task: thefuzz.process.dedupe(contains_dupes, threshold=70, scorer=fuzz.token_set_ratio).
RAPIDFUZZ: list[Setting] = [{"scorer": "token_set_ratio", "threshold": 70, "fewest": 1}]


def rapidfuzz_grid() -> list[Setting]:
    """Three scorers, eighteen thresholds."""
    return [
        {"scorer": s, "threshold": t, "fewest": FEWEST_WORDS}
        for s in ("token_set_ratio", "token_sort_ratio", "ratio")
        for t in (70, 75, 80, 82, 84, 86, 88, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100)
    ]


def rapidfuzz(texts: Texts, settings: list[Setting]) -> Iterator[np.ndarray]:
    """Every text against every other in the blocks of rare words."""
    import numpy as np
    from rapidfuzz import fuzz
    from rapidfuzz.process import cdist

    spelled = texts.frame["text"].to_list()
    blocks = rare_words(texts).group_by("word").agg("n")["n"].to_list()
    scorer, least = "", min(s["threshold"] for s in settings)
    for setting in settings:
        if setting["scorer"] != scorer:
            scorer, pairs, scores = setting["scorer"], [], []
            for block in blocks:
                members = [spelled[n] for n in block]
                told = np.triu(cdist(members, members, scorer=getattr(fuzz, scorer), score_cutoff=least), 1)
                a, b = np.nonzero(told)
                pairs.append(np.stack([np.array(block)[a], np.array(block)[b]], axis=1))
                scores.append(told[a, b])
            both, told = (np.concatenate(pairs), np.concatenate(scores)) if pairs else (np.empty((0, 2), dtype=np.int64), np.empty(0))
        yield components(len(spelled), both[told >= setting["threshold"]])


# --- splink -----------------------------------------------------------------------------------------------------------------------------------
# https://github.com/moj-analytical-services/splink#quickstart: JaroWinklerAtThresholds(..., [0.9, 0.7]), ExactMatch with term frequencies,
# recall=0.7, max_pairs=1e6, predict(threshold_match_weight=-10), clusters at 0.95. The same page says that splink "is not designed for linking
# a single column containing a 'bag of words'"; so the numbers of a text are a column of their own. The grid has other comparisons too: DuckDB's
# own jaccard() is one of letters, so there is a function for words; "columns" adds the rare words and the last words, after
# https://moj-analytical-services.github.io/splink/topic_guides/data_preparation/feature_engineering.html.
# Blocks: https://moj-analytical-services.github.io/splink/topic_guides/blocking/blocking_rules.html, arrays_to_explode.
SPLINK: list[Setting] = [{"compared": "jaro_winkler", "probability": 0.95, "fewest": 1}]


def splink_grid() -> list[Setting]:
    """Five ways to compare texts, fourteen thresholds."""
    return [
        {"compared": c, "probability": p, "fewest": FEWEST_WORDS}
        for c in ("jaro_winkler", "jaro_winkler_finer", "levenshtein", "jaccard", "columns")
        for p in (0.002, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999)
    ]


def splink(texts: Texts, settings: list[Setting]) -> Iterator[np.ndarray]:
    """A model of Fellegi and Sunter, learned from the posts."""
    import polars as pl

    compared, predicted = "", pl.DataFrame()
    for setting in settings:
        if setting["compared"] != compared:
            compared = setting["compared"]
            predicted = splink_model(texts, compared).inference.predict(threshold_match_weight=-10).as_duckdbpyrelation().pl()
        same = predicted.filter(pl.col("match_probability") >= setting["probability"])
        yield components(texts.frame.height, same.select("unique_id_l", "unique_id_r").to_numpy())


def splink_model(texts: Texts, compared: str) -> Any:
    """A linker whose parameters are estimated."""
    import logging

    import duckdb
    import polars as pl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.disable(logging.WARNING)
    database = duckdb.connect()
    database.execute("create macro shared(a, b) as len(list_filter(a, lambda w: list_contains(b, w)))")
    database.execute("create macro jaccard_of_words(a, b) as shared(a, b) / (len(a) + len(b) - shared(a, b))")
    rare, words = rare_words(texts).group_by("n").agg(rare="word"), pl.col("words")
    rows = texts.frame.with_row_index("unique_id").join(rare, left_on="unique_id", right_on="n", how="left", maintain_order="left")
    rows = rows.with_columns(
        pl.col("unique_id").cast(pl.Int64),
        pl.col("rare").fill_null([]),
        opening=words.list.head(6).list.join(" "),
        ending=words.list.tail(3).list.join(" "),
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=splink_comparisons(compared),
        blocking_rules_to_generate_predictions=[block_on("rare", arrays_to_explode=["rare"])],
    )
    linker = Linker(DuckDBAPI(database).register(rows.to_arrow()), settings)
    linker.training.estimate_probability_two_random_records_match([block_on("opening", "numbers")], recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("numbers"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("opening"))
    return linker


def splink_comparisons(compared: str) -> list[Any]:
    """How two texts are compared."""
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons

    numbers = comparisons.ExactMatch("numbers").configure(term_frequency_adjustments=True)
    if compared == "levenshtein":
        return [comparisons.LevenshteinAtThresholds("text", [3, 10, 30]), numbers]
    if compared == "jaccard":
        steps = [levels.DistanceFunctionLevel("words", "jaccard_of_words", t) for t in (0.9, 0.8, 0.7, 0.6, 0.5)]
        shared = [levels.NullLevel("words"), *steps, levels.ElseLevel()]
        return [comparisons.CustomComparison(output_column_name="words", comparison_levels=shared), numbers]
    if compared == "jaro_winkler":
        return [comparisons.JaroWinklerAtThresholds("text", [0.9, 0.7]), numbers]
    finer = [comparisons.JaroWinklerAtThresholds("text", [0.98, 0.95, 0.92, 0.88, 0.8]), numbers]
    if compared == "columns":
        ending = comparisons.JaroWinklerAtThresholds("ending", [0.9, 0.7])
        return [*finer, comparisons.ArrayIntersectAtSizes("rare", [3, 2]), ending]
    return finer


class Contender(NamedTuple):
    """A rival: how it runs, its documented settings, and those it is tried with."""

    run: Callable[[Texts, list[Setting]], Iterator[np.ndarray]]
    documented: list[Setting]
    grid: Callable[[], list[Setting]]


RIVALS = {
    "datasketch": Contender(datasketch, DATASKETCH, datasketch_grid),
    "rensa": Contender(rensa, RENSA, rensa_grid),
    "rapidfuzz": Contender(rapidfuzz, RAPIDFUZZ, rapidfuzz_grid),
    "splink": Contender(splink, SPLINK, splink_grid),
}
OURS: list[Setting] = [{"mode": "fuzzy"}, {"mode": "semantic"}]


# --- what runs in a process of its own --------------------------------------------------------------------------------------------------------


def make(folder: Path, rows: int, seed: int) -> None:
    """Write the posts."""
    from seeding_platform_tests.benchmarks.dedup.generate import generate

    generate(rows, seed).write_parquet(folder / "posts.parquet")


def run(folder: Path, name: str, setting: Setting) -> None:
    """Deduplicate the posts once."""
    import polars as pl

    posts = pl.read_parquet(folder / "posts.parquet", columns=["id", "text"])
    if name == "ours":
        from seeding_platform.cleaning import deduplicate
        from seeding_platform.errors import ConfigError

        try:
            found = deduplicate(posts, id="id", text="text", mode=setting["mode"])
        except ConfigError as refused:
            print(refused)
            sys.exit(REFUSED)
    else:
        texts = prepared(posts, setting["fewest"])
        found = clustered(posts, texts, next(RIVALS[name].run(texts, [setting])))
    found.write_parquet(folder / "found.parquet")


def choose(folder: Path, name: str) -> Setting:
    """The settings of the grid with the best F1 without paraphrases."""
    import polars as pl

    posts = pl.read_parquet(folder / "posts.parquet")
    grid = RIVALS[name].grid()
    if posts.height > SWEPT_ROWS:
        reached = tried(name, posts.head(SWEPT_ROWS), grid)
        ranked = sorted(range(len(grid)), key=lambda n: -reached[n])
        grid = [grid[n] for n in sorted(ranked[:FINALISTS])]
    reached = tried(name, posts, grid)
    return grid[reached.index(max(reached))]


def tried(name: str, posts: pl.DataFrame, grid: list[Setting]) -> list[float]:
    """F1 of each setting."""
    from seeding_platform_tests.benchmarks.dedup.measure import measure

    texts, reached = prepared(posts, FEWEST_WORDS), []
    for setting, component in zip(grid, RIVALS[name].run(texts, grid), strict=True):
        reached.append(measure(posts, clustered(posts, texts, component), without=("paraphrase",)).f1)
        print(f"{posts.height:,} rows, {name}, {shown(setting)}: F1 {reached[-1]:.4f}", file=sys.stderr)
    return reached


def judge(folder: Path) -> dict[str, float]:
    """What the run got right."""
    import polars as pl

    from seeding_platform_tests.benchmarks.dedup.measure import measure

    told = measure(pl.read_parquet(folder / "posts.parquet"), pl.read_parquet(folder / "found.parquet"), without=("paraphrase",))
    return {
        "precision": told.precision,
        "recall": told.recall,
        "f1": told.f1,
        "near": told.recall_of.get("near", 0.0),
        "paraphrase": told.recall_of.get("paraphrase", 0.0),
        "hard": told.hard_merged,
        "degenerate": told.degenerate_merged,
        "lost": told.entities_lost,
    }


def child(step: str, folder: Path, rest: dict[str, Any]) -> None:
    """One step; its answer goes to answer.json."""
    steps: dict[str, Callable[..., Any]] = {"make": make, "run": run, "choose": choose, "judge": judge}
    try:
        answer = steps[step](folder, **rest)
    except ModuleNotFoundError as missing:
        if missing.name not in RIVALS:
            raise
        sys.exit(MISSING)
    (folder / "answer.json").write_text(json.dumps(answer))


# --- the process that measures ----------------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    """What a process took, and its exit code."""

    code: int
    said: str
    cpu: float
    peak: float


def step(what: str, folder: Path, **rest: Any) -> Cost:
    """Run a step in a process of its own; wait4 tells of that process alone what RUSAGE_CHILDREN tells of all that ran so far."""
    command = [sys.executable, "-m", "seeding_platform_tests.benchmarks.dedup.rivals", "--step", what, "--folder", str(folder)]
    with (folder / "said.txt").open("w+") as said:
        started = subprocess.Popen([*command, "--rest", json.dumps(rest)], env={"OMP_NUM_THREADS": "1", **os.environ}, stdout=said)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = code = os.waitstatus_to_exitcode(status)
        said.seek(0)
        cost = Cost(code, said.read().strip(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)
    if code not in (0, MISSING, REFUSED):
        raise SystemExit(f"{what} {rest} ended with {code}")
    return cost


def answer(folder: Path) -> Any:
    """What the last step wrote."""
    return json.loads((folder / "answer.json").read_text())


def shown(setting: Setting) -> str:
    """A setting in few words."""
    said = {True: "yes", False: "no"}
    return ", ".join(f"{k} {said.get(v, v) if isinstance(v, bool) else v}" for k, v in setting.items() if k != "fewest")


COLUMNS = (
    *("contender", "setting", "CPU-s", "peak GB", "precision", "recall", "F1", "recall near", "recall paraphrase", "hard negatives merged"),
    *("degenerate merged", "entities lost"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n| --- | --- |{' ---: |' * (len(COLUMNS) - 2)}"


def row(folder: Path, label: str, name: str, setting: Setting, how: str) -> str | None:
    """A line of the table, or None with a line said."""
    cost = step("run", folder, name=name, setting=setting)
    if cost.code == MISSING:
        print(f"{name} is not installed and is left out (extra bench)", file=sys.stderr)
        return None
    if cost.code == REFUSED:
        print(f"{label} {shown(setting)} is left out: {cost.said}", file=sys.stderr)
        return None
    step("judge", folder)
    f = answer(folder)
    shares = " | ".join(f"{f[k]:.4f}" for k in ("precision", "recall", "f1", "near", "paraphrase", "hard"))
    return f"| {label} | {how}: {shown(setting)} | {cost.cpu:.1f} | {cost.peak:.2f} | {shares} | {f['degenerate']:,} | {f['lost']:,} |"


def lines(folder: Path, name: str) -> Iterator[str]:
    """The lines of one contender."""
    if name == "ours":
        yield from filter(None, (row(folder, "ours", name, s, "shipped") for s in OURS))
        return
    label = name
    for setting in RIVALS[name].documented:
        try:
            label = f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            label = name
        line = row(folder, label, name, setting, "documented")
        if line is None:
            return
        yield line
    step("choose", folder, name=name)
    line = row(folder, label, name, answer(folder), "best of sweep")
    if line:
        yield line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="default: one never used before")
    parser.add_argument("--only", choices=["ours", *RIVALS], action="append", help="may be given several times")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rest", type=json.loads, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        child(chosen.step, chosen.folder, chosen.rest)
        return
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        step("make", folder, rows=chosen.rows, seed=seed)
        print(f"{chosen.rows:,} posts, seed {seed}; precision, recall and F1 of pairs without paraphrases")
        if chosen.rows > SWEPT_ROWS:
            print(f"sweeps: the whole grid on {SWEPT_ROWS:,} of the posts, its best {FINALISTS} settings on all")
        print(f"\n{HEAD}", flush=True)
        for name in chosen.only or ["ours", *RIVALS]:
            for line in lines(folder, name):
                print(line, flush=True)


if __name__ == "__main__":
    main()
