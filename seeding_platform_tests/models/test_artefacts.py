"""A model comes back from its bytes as it was; altered bytes and foreign types do not come back at all."""

from importlib.metadata import EntryPoint

import polars as pl
import pytest
import skops.io

from seeding_platform.errors import PermanentError
from seeding_platform.models import train
from seeding_platform.models.artefacts import TRUSTED, dumped, loaded, size_of
from seeding_platform.models.learning.boosted import Trees
from seeding_platform.models.learning.words import Words, learn_words
from seeding_platform_tests.models.made import spec, table

EVERY = {
    "trees": {"features": {"x": "numeric", "kind": "category", "day": "date"}},
    "several": {"target": "several"},
    "line": {"features": {"text": "text"}},
    "stacked": {"features": {"x": "numeric", "text": "text"}},
    "numbers": {"kind": "regression", "target": "number"},
    "ridge": {"kind": "regression", "target": "number", "features": {"text": "text"}},
    "counts": {"kind": "counts", "target": "times"},
    "chain": {"kind": "next_item", "target": "several", "features": {"kind": "category"}},
    "groups": {"kind": "clustering", "target": None},
    "mixture": {"kind": "clustering", "target": None, "params": {"method": "mixture", "clusters": 2}},
}


@pytest.mark.parametrize("name", EVERY)
def test_every_model_comes_back_as_it_was(name):
    told, frame = spec(**EVERY[name]), table(120)
    model = train(told, frame, seed=0)
    before = model.scores(told, frame)
    content, sha256 = dumped(model)
    again = loaded(content, sha256)
    assert (again.scores(told, frame) == before).all()
    assert (again.classes, again.layout, again.dummy) == (model.classes, model.layout, model.dummy)
    assert size_of(model) == len(content)


def test_many_classes_of_texts_and_columns_come_back():
    told = spec(target="account", features={"text": "text", "x": "numeric", "kind": "category"})
    model = train(told, table(240), seed=0)
    content, sha256 = dumped(model)
    assert (loaded(content, sha256).scores(told, table(60)) == model.scores(told, table(60))).all()


def test_altered_bytes_are_refused():
    content, sha256 = dumped(train(spec(), table(), seed=0))
    with pytest.raises(PermanentError, match="was altered"):
        loaded(content[:-1] + b"x", sha256)
    with pytest.raises(PermanentError, match="was altered"):
        loaded(content, "")


class Foreign:
    def predict(self, frame):
        return [0.0] * frame.height


def foreign(told, frame, *, seed):
    return Foreign()


def test_types_that_are_not_trusted_are_neither_kept_nor_loaded():
    import hashlib

    model = train(spec(kind="regression", target="number", trainer=f"{__name__}:foreign"), table(), seed=0)
    with pytest.raises(PermanentError, match=r"untrusted types: .*Foreign"):
        dumped(model)
    content = skops.io.dumps(model)
    with pytest.raises(PermanentError, match=r"untrusted types: .*Foreign"):
        loaded(content, hashlib.sha256(content).hexdigest())
    assert size_of(model) is None


def test_what_is_no_model_is_refused_though_its_hash_is_right():
    import hashlib

    content = skops.io.dumps({"a": 1})
    with pytest.raises(PermanentError, match="is a dict, no model"):
        loaded(content, hashlib.sha256(content).hexdigest())


def test_nothing_that_runs_code_is_trusted():
    assert not [t for t in TRUSTED if t.startswith(("builtins.", "os.", "subprocess."))]
    assert pl.__name__ not in "".join(TRUSTED)


def test_what_an_earlier_release_kept_is_read_as_it_was_written():
    told, frame = spec(features={"x": "numeric", "text": "text"}), table(120)
    trees = train(told, frame, seed=0).estimator
    before = Trees.__new__(Trees)
    before.__setstate__({"estimator": trees.estimator, "line": trees.line})  # tree by tree
    assert before.estimator is trees.estimator
    assert before.line is trees.line
    words = Words.__new__(Words)
    words.__dict__.update({k: v for k, v in learn_words("text", ["so good", "so bad"]).__getstate__().items() if k != "pieces"})
    assert words.pieces == (2, 4)


def test_types_that_an_installed_package_names_are_trusted(monkeypatch):
    told, frame = spec(trainer=f"{__name__}:foreign", kind="regression", target="number"), table(60)
    named = EntryPoint("foreign", f"{__name__}:Foreign", "seeding_platform.trusted_types")
    monkeypatch.setattr("seeding_platform.models.artefacts.entry_points", lambda group: [named] if group == named.group else [])
    content, sha256 = dumped(train(told, frame, seed=0))
    assert (loaded(content, sha256).scores(told, frame) == 0).all()
    monkeypatch.undo()
    with pytest.raises(PermanentError, match="untrusted types"):
        loaded(content, sha256)
