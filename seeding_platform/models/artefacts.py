"""Fitted models as bytes and back: skops with a list of the types that are trusted, and a hash; never pickle."""

from __future__ import annotations

import hashlib
import weakref
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from seeding_platform.models.learning.trained import Trained

_OURS = "seeding_platform.models.learning"
TRUSTED = frozenset(
    {
        f"{_OURS}.trained.Trained",
        f"{_OURS}.trained.External",
        f"{_OURS}.layout.Layout",
        f"{_OURS}.dummy.Dummy",
        f"{_OURS}.boosted.Trees",
        f"{_OURS}.boosted.Codes",
        f"{_OURS}.linear.Line",
        f"{_OURS}.linear.Encoded",
        f"{_OURS}.words.Words",
        f"{_OURS}.chain.Chain",
        f"{_OURS}.clusters.Groups",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfPoissonLoss",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "functools.partial",  # holds a function, which must be trusted by itself
        "sklearn.utils.validation.check_array",
        "numpy.dtype",
    }
)
"""Types beyond skops' own list that our estimators hold; an artefact with any other type is neither written nor loaded."""
GROUP = "seeding_platform.trusted_types"
"""Entry points by which an installed package names the types that its trainer's models hold: `name = "package.module:Type"`."""


_ONLY_OURS = f"Only models of our own trainers are kept and loaded; a package with a trainer names its types by entry points of {GROUP}."
_written: tuple[weakref.ref[Trained], bytes] | None = None
"""The model that was written last: it is measured first and kept afterwards, and writing is most of the cost of both."""


def _content(model: Trained) -> bytes:
    global _written
    import skops.io

    before = _written
    if before is not None and before[0]() is model:
        return before[1]
    content = bytes(skops.io.dumps(model))
    _written = (weakref.ref(model), content)
    return content


def trusted() -> frozenset[str]:
    """All types that may be written and loaded: ours, and those that packages of this installation name for their trainers."""
    return TRUSTED | {entry.value.replace(":", ".") for entry in entry_points(group=GROUP)}


def dumped(model: Trained) -> tuple[bytes, str]:
    """A model as bytes and their sha256.

    Raises:
        PermanentError: it holds a type that would not be loaded again.
    """
    content = _content(model)
    _trusted(content, model.name)
    return content, hashlib.sha256(content).hexdigest()


def loaded(content: bytes, sha256: str, *, name: str = "The model") -> Trained:
    """A model from its bytes.

    Args:
        content: as `dumped` gave it.
        sha256: as `dumped` gave it, kept apart from the bytes.
        name: for messages.

    Raises:
        PermanentError: the bytes were altered, or hold a type that is not trusted, or are no model.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    if hashlib.sha256(content).hexdigest() != sha256:
        raise PermanentError(f"The artefact of {name} was altered.", fix="Retrain it; the altered file is not loaded.")
    try:
        found: Any = skops.io.loads(content, trusted=sorted(trusted()))
    except UntrustedTypesFoundException as error:
        _trusted(content, name)
        raise PermanentError(f"{name} holds untrusted types.", fix=_ONLY_OURS) from error
    from seeding_platform.models.learning.trained import Trained

    if not isinstance(found, Trained):
        raise PermanentError(f"The artefact of {name} is a {type(found).__name__}, no model of this release.", fix="Retrain it.")
    return found


def size_of(model: Trained) -> int | None:
    """Bytes that the artefact takes; None of an own trainer's model that holds types that are not trusted."""
    import skops.io

    from seeding_platform.models.learning.trained import External

    content = _content(model)
    if isinstance(model.estimator, External) and set(skops.io.get_untrusted_types(data=content)) - trusted():
        return None
    return len(content)


def _trusted(content: bytes, name: str) -> None:
    import skops.io

    unknown = set(skops.io.get_untrusted_types(data=content)) - trusted()
    if unknown:
        raise PermanentError(f"{name} holds untrusted types: {', '.join(sorted(unknown))}.", fix=_ONLY_OURS)
