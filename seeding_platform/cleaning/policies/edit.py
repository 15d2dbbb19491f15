"""Changes of a person to a user's policy file: a repair rule undone or applied again, two records joined or put apart.

Only the entry that changes is written again; the rest of the file, its comments too, stays as it was wherever YAML allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from seeding_platform.cleaning.files import write_text
from seeding_platform.cleaning.policies import SHIPPED, checked, read_entries
from seeding_platform.errors import ConfigError
from seeding_platform.storage.locks import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy, Pair

Decision = Literal["same", "apart", "none"]
_PAIRS: dict[str, Decision] = {"merge": "same", "never_merge": "apart"}


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A repair rule is undone, or applied again.

    Args:
        rule: its name.
        undone: whether it is to be left out from now on.
    """

    rule: str
    undone: bool


@dataclass(frozen=True, slots=True)
class PairChange:
    """What a person decides about two records.

    Args:
        pair: their keys.
        decision: the same, apart, or no decision any more.
    """

    pair: Pair
    decision: Decision


Change = RuleChange | PairChange


class CannotChange(ConfigError):
    """The change names a rule that there is not, or the policy seeks no duplicates."""


def with_change(
    folder: Path, contract: TableContract, change: Change, *, before_write: Callable[[CleaningPolicy], None] = lambda _: None
) -> CleaningPolicy:
    """Make one change in the user's policy file of a contract; two who change it at once take turns.

    An entry that says no more than the shipped policy does is taken out of the file.

    Args:
        folder: the user's folder of policies.
        contract: whose rows are cleaned.
        change: what is decided.
        before_write: is given the new policy once it is known to be good; what it raises leaves the file as it was.

    Returns:
        The policy in force now.

    Raises:
        CannotChange: there is no such rule, or nothing to decide about.
        ConfigError: the file in force is no policy, or would be none after the change.
    """
    file = folder / f"{contract.name}.yaml"
    with in_turn(folder / f".{contract.name}.lock"):
        shipped = _entries(SHIPPED / file.name)
        own = _entries(file)
        old = checked(shipped | own, contract, where=file.name)
        name, value = _decided(shipped | own, old, contract, change)
        after = {**own, name: value}
        if value == _without_empty(name, shipped.get(name)):
            del after[name]
        policy = checked(shipped | after, contract, where=file.name)
        if policy != old:
            before_write(policy)
            write_text(edited(file.read_text(encoding="utf-8") if file.is_file() else "", after, name), file)
    return policy


def _entries(file: Path) -> dict[str, Any]:
    return read_entries(file) if file.is_file() else {}


def _decided(entries: dict[str, Any], policy: CleaningPolicy, contract: TableContract, change: Change) -> tuple[str, Any]:
    """The entry that changes, and what it says after the change."""
    if isinstance(change, RuleChange):
        return "without", _undone(policy, contract, change)
    if policy.duplicates is None:
        raise CannotChange(f"{contract.name}: its policy seeks no duplicates, so there are no records to decide about.")
    if len(set(change.pair)) < 2:
        raise CannotChange(f"{contract.name}: a decision needs two records.")
    entry = dict(entries["duplicates"])
    for field, decision in _PAIRS.items():
        pairs = [list(pair) for pair in getattr(policy.duplicates, field)]
        others = [pair for pair in pairs if set(pair) != set(change.pair)]
        if decision != change.decision:
            entry[field] = others
        else:
            entry[field] = pairs if len(others) < len(pairs) else [*pairs, sorted(change.pair)]
    return "duplicates", _without_empty("duplicates", entry)


def _undone(policy: CleaningPolicy, contract: TableContract, change: RuleChange) -> list[str]:
    names = [str(rule["name"]) for rule in (*contract.repairs, *policy.repairs)]
    if change.rule not in (names if change.undone else [*names, *policy.without]):
        raise CannotChange(f"{contract.name} has no repair rule {change.rule!r}; it has {', '.join(names) or 'none'}.")
    if not change.undone:
        return [name for name in policy.without if name != change.rule]
    return list(dict.fromkeys([*policy.without, change.rule]))


def _without_empty(name: str, value: Any) -> Any:
    """An entry without the lists of pairs that hold none, so that equal entries are equal; none is an empty list of rules."""
    if name == "without":
        return list(value or [])
    return None if value is None else {field: part for field, part in value.items() if field not in _PAIRS or part}


def edited(text: str, entries: dict[str, Any], name: str) -> str:
    r"""A policy file after one of its entries changed.

    Args:
        text: the file as it is.
        entries: what it is to say.
        name: the entry that changed; not among `entries` where it is taken out.

    >>> print(edited("# ours\niqr_factor: 3  # wide\nwithout: [a]  # too eager\n", {"iqr_factor": 3, "without": ["a", "b"]}, "without"), end="")
    # ours
    iqr_factor: 3  # wide
    without: [a, b]  # too eager
    """
    try:
        made = _spliced(text, name, _dumped({name: entries[name]}) if name in entries else "")
        as_meant = (yaml.safe_load(made) or {}) == entries
    except yaml.YAMLError:  # an anchor in the entry that another one uses, and the like
        made, as_meant = "", False
    return made if as_meant else _dumped(entries)


def _dumped(entries: dict[str, Any]) -> str:
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, default_flow_style=None, width=150)


def _spliced(text: str, name: str, fresh: str) -> str:
    """The text with the lines of one top-level entry replaced; at its end where it has no such entry."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = next(((key, value) for key, value in root.value if key.value == name), None) if isinstance(root, yaml.MappingNode) else None
    lines = text.splitlines(keepends=True)
    if found is None:
        return text + ("\n" if text and not text.endswith("\n") else "") + fresh
    key, value = found
    start, end, rest = key.start_mark.line, value.end_mark.line, ""
    if value.end_mark.column:
        rest, end = lines[end][value.end_mark.column :].rstrip("\n"), end + 1
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # what stands between this entry and the next belongs to the next
    if fresh.count("\n") == 1:
        fresh = fresh.rstrip("\n") + rest + "\n"
    return "".join([*lines[:start], fresh, *lines[end:]])
