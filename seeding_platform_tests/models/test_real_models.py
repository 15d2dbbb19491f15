"""What models reach on tables that were not made for them, next to what needs no model."""

import re

import polars as pl
import pytest

from seeding_platform.models import evaluate, fit_and_evaluate, load_spec, split_rows, train
from seeding_platform.models.seeding_experiment import seeding_experiment
from seeding_platform.settings import project_root
from seeding_platform_tests.benchmarks.seeding import OWN, PACKAGE, phone_customers
from seeding_platform_tests.benchmarks.sentiment import rated_tweets
from seeding_platform_tests.real import real_data

pytestmark = pytest.mark.real
EXAMPLES = project_root() / "examples" / "models"

# Written before the first model was tried on these texts: words that anybody would name, and those that turn the next one round.
GOOD = {
    "good", "great", "love", "loved", "loves", "nice", "happy", "best", "awesome", "amazing", "thanks", "thank", "lol", "haha", "fun", "yay",
    "beautiful", "cool", "win", "won", "better", "glad", "hope", "perfect", "excited", "wonderful", "cute", "funny", "like", "well", "congrats",
}  # fmt: skip
BAD = {
    "bad", "hate", "sad", "worst", "sucks", "sick", "wrong", "hurt", "sorry", "miss", "lost", "ugh", "tired", "cry", "pain", "die", "dead", "fail",
    "boring", "angry", "worse", "annoying", "terrible", "awful", "horrible", "damn", "stupid", "poor", "problem", "stop", "lonely", "fuck", "shit",
}  # fmt: skip
TURNS = {"not", "no", "never", "don't", "dont", "isn't", "can't", "cant", "won't", "didn't", "doesn't", "aint"}


def by_words(text: str) -> bool:
    """Whether a text is positive by a list of words; positive where nothing speaks against it."""
    words = re.findall(r"[\w']+", text.lower())
    total = 0
    for place, word in enumerate(words):
        sign = (word in GOOD) - (word in BAD)
        total += -sign if TURNS & set(words[max(0, place - 2) : place]) else sign
    return total >= 0


@pytest.mark.long
def test_customers_who_leave_are_found():
    spec = load_spec(EXAMPLES / "telco_churn.yaml")
    frame = pl.read_csv(real_data("telco_churn.csv"), infer_schema=False)
    judged = fit_and_evaluate(spec, frame, seed=0)
    assert judged.split["folds"] == 5
    assert judged.metrics["auc"].n == 7043, "the rows with a blank charge too"
    assert judged.value >= 0.845, judged.says()
    assert judged.metrics["auc"].ci_low < judged.value < judged.metrics["auc"].ci_high
    assert judged.calibration.ece < 0.02
    assert judged.beats_baseline(spec)


@pytest.mark.long
def test_messages_are_told_apart_by_what_they_are_about():
    spec = load_spec(EXAMPLES / "message_intents.yaml")
    before, held = (pl.read_csv(real_data(f"banking77_{side}.csv")) for side in ("train", "test"))
    judged = evaluate(train(spec, before, seed=0), spec, held)
    assert judged.metrics["accuracy"].n == 3080
    assert judged.value >= 0.91, judged.says()
    assert judged.calibration.ece < 0.05


@pytest.mark.long
def test_texts_are_judged_as_people_do_better_than_by_a_list_of_words():
    frame = rated_tweets()
    assert frame.height == 4200
    spec = load_spec(EXAMPLES / "sentiment.yaml")
    before, held = split_rows(spec, frame)
    words = sum(by_words(t) == (s == "positive") for t, s in held.select("text", "sentiment").iter_rows()) / held.height
    judged = evaluate(train(spec, before, seed=0), spec, held)
    assert judged.value >= 0.84, judged.says()
    assert judged.value > words + 0.05, f"{judged.value:.3f} against {words:.3f} by words"


@pytest.mark.long
def test_other_customers_help_where_there_are_few_labels_of_ones_own():
    spec, customers = phone_customers()
    found = seeding_experiment(spec, customers[:OWN], customers[OWN : OWN + PACKAGE], sizes=(48, 500), draws=6)
    few, more = found.rungs
    assert 740 <= found.held_out <= 750, "customers who are alike in everything count once"
    assert found.seed_rows + found.left_out == PACKAGE
    assert few.ci_low > 0, found.says
    assert few.gain > more.gain, found.says
    assert few.warm > few.cold
    turned = customers[OWN : OWN + PACKAGE].with_columns(Churn=pl.when(pl.col("Churn") == "Yes").then(pl.lit("No")).otherwise(pl.lit("Yes")))
    harmed = seeding_experiment(spec, customers[:OWN], turned, sizes=(48,), draws=3)
    assert harmed.rungs[0].ci_high < 0, "a package that is wrong is told of as it is"
