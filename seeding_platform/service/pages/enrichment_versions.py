"""Versions of the stages for people: what is live, what is tried beside it, how each did on what people said is right; and saying what is right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeding_platform.enrichment.outputs import NO_PROBLEMS
from seeding_platform.storage.enrichment.states import STAGES, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeding_platform.enrichment.stages import Stages
    from seeding_platform.service.pages.render import Speaker
    from seeding_platform.storage.enrichment.standing import Story

    Words = Mapping[str, Any]

TONES = {"live": "ok", "candidate": "running", "refused": "failed", "retired": "plain"}
SHOWN = 5
"""Versions of a stage that are shown, the newest; what is live or tried is always among them."""


def versions_shown(told: Sequence[Mapping[str, Any]], *, say: Speaker, k: Words) -> list[dict[str, Any]]:
    """Versions by stage, as `enriched.versions` tells them."""
    rows = []
    for stage in STAGES:
        mine = [v for v in told if v["stage"] == stage]
        chosen = [v for place, v in enumerate(mine) if place < SHOWN or v["state"] in ("live", "candidate")]
        rows += [_row(v, say, k) for v in sorted(chosen, key=lambda v: v["state"] not in ("live", "candidate"))]
    return rows


def _row(one: Mapping[str, Any], say: Speaker, k: Words) -> dict[str, Any]:
    v, report, beside = k["versions"], one["report"], one["beside_live"]
    state = v["states"][one["state"]]
    golden = "–"
    if report.get("verdict"):
        golden = v["verdicts"][report["verdict"]]
        if report.get("right"):
            before, new = (say.share(share) for share in report["right"])
            golden += " " + v["golden"].format(n=say.count(report["n"]), before=before, new=new)
    parts = [part for part in re.split(r"(?<=[:+|])", one["version"]) if part]  # after which a long name may be broken
    return {
        "stage": k["stages"][one["stage"]], "version": parts, "state": state, "tone": TONES[one["state"]], "golden": golden,
        "share": say.share(one["share"]) if one["state"] == "candidate" else "", "at": say.moment(one["at"]),
        "beside": [] if beside is None else _beside(beside, say, k),
    }  # fmt: skip


def _beside(beside: Mapping[str, Any], say: Speaker, k: Words) -> list[str]:
    v = k["versions"]
    if not beside["answered"]:
        return [v["no_answers"]]
    told = [v["alike"].format(n=say.count(beside["answered"]), share=say.share(beside["alike"]))]
    if beside["right"]:
        right, error = ([say.share(x) for x in beside["right"]], [say.number(x, 3) for x in beside["ece"]])
        told.append(v["right"].format(n=say.count(beside["n"]), live=right[0], other=right[1], said=v["found"][beside["accuracy"]]))
        told.append(v["calibration"].format(live=error[0], other=error[1], said=v["found"][beside["calibration"]]))
    else:
        told.append(v["unjudged"])
    return told


def word_shown(stage: str, word: str, *, stages: Stages, lang: str, k: Words) -> str:
    """An answer in a word, for people."""
    if stage == Stage.CLASSIFICATION:
        return str(k["labels"].get(word, word))
    if stage == Stage.RESOLUTION:
        return str(k["actions"].get(word, word))
    if word == NO_PROBLEMS:
        return str(k["versions"]["no_problems"])
    return " ".join(getattr(stages.problems[kind], lang) if kind in stages.problems else kind for kind in word.split("+"))


def sayable(story: Story, stages: Stages, *, lang: str, k: Words) -> list[dict[str, Any]]:
    """Of which stages but classification a person may say what is right, with the answers there are and the one that stands."""
    found = []
    for one in story.record.stages:
        if one.output is None or one.stage == Stage.CLASSIFICATION:
            continue
        many = one.stage == Stage.ORDER_ANALYSIS
        names = list(stages.problems) if many else list(stages.actions)
        said = [label for label in story.labels if label.stage == one.stage]
        found.append({
            "stage": one.stage, "name": k["stages"][one.stage], "many": many,
            "options": [(name, word_shown(one.stage, name, stages=stages, lang=lang, k=k)) for name in names],
            "said": word_shown(one.stage, said[-1].label, stages=stages, lang=lang, k=k) if said else "",
        })  # fmt: skip
    return found
