"""Rows as others may have them: columns treated as the policy says, personal data in texts replaced, rare combinations held back."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.governance.anonymity import k_anonymous
from seeding_platform.governance.encryption import ColumnCipher
from seeding_platform.governance.protection.policy import Action, kept_personal, text_columns
from seeding_platform.governance.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.catalog import TableContract
    from seeding_platform.governance.protection.policy import PiiPolicy
    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.subject_keys import SubjectKeys

TREATED: dict[str, pl.DataType] = {"column": pl.String(), "label": pl.String(), "action": pl.String(), "values": pl.Int64(), "rows": pl.Int64()}
"""What was done: a row a column, label and action."""


@dataclass(frozen=True, slots=True)
class Protected:
    """Rows that may leave, and what was done to them.

    Args:
        rows: without the personal columns that are dropped.
        treated: as in `TREATED`; kept values are counted too.
        held_back: rows whose combination of quasi-identifiers too few share.
        smallest: size of the smallest group that is left; None without quasi-identifiers.
    """

    rows: pl.DataFrame
    treated: pl.DataFrame
    held_back: int = 0
    smallest: int | None = None


def protect(rows: pl.DataFrame, contract: TableContract, policy: PiiPolicy, keys: Keyring, subjects: SubjectKeys | None = None) -> Protected:
    """Treat personal data by policy.

    Args:
        rows: of a table of this contract, with `tenant`.
        contract: which columns are declared personal.
        policy: what is done with them, and with what stands in texts.
        keys: what pseudonyms are made with.
        subjects: keys of people, where a column is encrypted.

    Raises:
        ConfigError: a column is to be encrypted and no keys of people are given.
    """
    let_out = set(kept_personal(contract, policy))
    gone = [n for n, c in contract.columns.items() if c.personal and n not in let_out and n in rows.columns]
    treated: list[dict[str, object]] = [_told(rows[n], n, contract.columns[n].personal or "", Action.DROP) for n in gone]
    made = rows.drop(gone)
    for name, action in policy.columns.items():
        if name not in made.columns or action is Action.DROP:
            if name in made.columns:
                treated.append(_told(made[name], name, "", action))
                made = made.with_columns(pl.lit(None, dtype=made.schema[name]).alias(name))
            continue
        if action is Action.SEARCH:
            made, told = _in_text(made, name, policy.model_copy(update={"weak": True}), keys)
            made, names = _without_names(made, name)
            treated += told + names
            continue
        label = contract.columns[name].personal or "COLUMN"
        treated.append(_told(made[name], name, label, action))
        if action is Action.ENCRYPT:
            made = made.with_columns(_encrypted(rows, name, label, contract, policy, subjects))
        else:
            made = _each_tenant(made, name, label, action, policy, keys)
    for name in text_columns(contract, policy):
        if name in made.columns:
            made, told = _in_text(made, name, policy, keys)
            treated += told
    held, smallest = 0, None
    if policy.quasi_identifiers:
        found = k_anonymous(made, ["tenant", *policy.quasi_identifiers], person=policy.person, k=policy.k)
        made, held, smallest = found.rows, found.held_back, found.smallest
    return Protected(made, pl.DataFrame(treated, schema=TREATED), held, smallest)


def _told(column: pl.Series, name: str, label: str, action: Action) -> dict[str, object]:
    there = column.len() - column.null_count()
    return {"column": name, "label": label, "action": str(action), "values": there, "rows": there}


def _encrypted(rows: pl.DataFrame, name: str, label: str, contract: TableContract, policy: PiiPolicy, subjects: SubjectKeys | None) -> pl.Series:
    """A whole column encrypted with the keys of those whom its rows are about, tenant by tenant, in their order."""
    if subjects is None:
        raise ConfigError(f"{contract.name}.{name} is to be encrypted, but no keys of people are at hand.", fix="Hand in `SubjectKeys`.")
    column = rows[name].clone()
    for tenant in rows["tenant"].unique().sort().to_list():
        places = (rows["tenant"] == tenant).arg_true()
        people = rows[policy.subject].gather(places).cast(pl.String) if policy.subject else None
        cipher = ColumnCipher(subjects, tenant, contract.name, name, label)
        column = column.scatter(places, cipher.encrypted(rows[name].gather(places), people))
    return column


def _each_tenant(rows: pl.DataFrame, name: str, label: str, action: Action, policy: PiiPolicy, keys: Keyring) -> pl.DataFrame:
    """The rows with one whole column treated, tenant by tenant, in their order."""
    column = rows[name].clone()
    for tenant in rows["tenant"].unique().sort().to_list():
        places = (rows["tenant"] == tenant).arg_true()
        column = column.scatter(places, _whole(rows[name].gather(places), label, action, Pseudonyms(keys, tenant, policy.key_version)))
    return rows.with_columns(column)


def _whole(column: pl.Series, label: str, action: Action, names: Pseudonyms) -> pl.Series:
    """A whole column treated; null stays null."""
    if action is Action.KEEP:
        return column
    if action is Action.PSEUDONYMISE:
        return names.tokens(column, label)
    known = {value: treated(value, label, action, names) for value in column.drop_nulls().unique().to_list()}
    return column.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String) if known else column


@dataclass(frozen=True, slots=True)
class _Treatment:
    """What becomes of a value of a label in the texts of one tenant."""

    names: Pseudonyms
    actions: Mapping[str, Action]

    def __call__(self, value: str, label: str) -> str:
        return treated(value, label, self.actions.get(label, Action.REDACT), self.names)


def treated(value: str, label: str, action: Action, names: Pseudonyms) -> str:
    """One value as an action leaves it."""
    from seeding_platform.governance.pii.redaction import masked

    if action is Action.KEEP:
        return value
    if action is Action.MASK:
        return masked(value, label)
    if action is Action.PSEUDONYMISE:
        return names.token(value, label)
    if action is Action.GENERALISE:
        return generalised(value, label)
    return f"[{label}]"


def generalised(value: str, label: str) -> str:
    """What is left of a value when only the coarse stays; the label where nothing coarse is known.

    >>> generalised("jan@example.nl", "EMAIL"), generalised("192.0.2.17", "IP_ADDRESS"), generalised("52.37021, 4.89517", "GEO")
    ('[EMAIL]@example.nl', '192.0.2.0', '52.4, 4.9')
    """
    if label == "EMAIL" and "@" in value:
        return f"[EMAIL]@{value.rpartition('@')[2].lower()}"
    if label == "IP_ADDRESS":
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return f"[{label}]"
        return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False).network_address)
    if label == "GEO" and (numbers := re.findall(r"[-+]?[0-9]+\.[0-9]+", value)) and len(numbers) == 2:
        return ", ".join(f"{float(n):.1f}" for n in numbers)
    if label == "PHONE" and value.startswith("+"):
        return value[:3] + " [PHONE]"
    return f"[{label}]"


_PARTICLE = r"(?:\s+(?:van|de|der|den|ten|ter|von|le|la|el|al))*"
_NAME = re.compile(
    rf"\b[A-ZÀ-Þ][a-zß-ÿ]+(?:{_PARTICLE}\s+[A-ZÀ-Þ][a-zß-ÿ'-]+){{1,4}}\b"
    r"|(?<=\b[Mm]evrouw )[A-ZÀ-Þ][a-zß-ÿ'-]+|(?<=\b[Mm]eneer )[A-ZÀ-Þ][a-zß-ÿ'-]+|(?<=\b[Dd]e heer )[A-ZÀ-Þ][a-zß-ÿ'-]+"
    r"|(?<=\b[Mm]evr\. )[A-ZÀ-Þ][a-zß-ÿ'-]+|(?<=\b[Dd]hr\. )[A-ZÀ-Þ][a-zß-ÿ'-]+|(?<=\bMrs )[A-ZÀ-Þ][a-zß-ÿ'-]+|(?<=\bMr )[A-ZÀ-Þ][a-zß-ÿ'-]+"
)
"""Capitalised words in a row, particles between them, or one after a form of address. In a free text that is no name now and then, which costs
little; a name in small letters, or a given name alone, gets through."""


def _without_names(rows: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """The rows with what looks like a name replaced in one free text, and how often that was."""
    texts = rows[name].to_list()
    found = [0 if text is None else len(_NAME.findall(text)) for text in texts]
    if not any(found):
        return rows, []
    clean = [text if not n else _NAME.sub("[PERSON]", text) for text, n in zip(texts, found, strict=True)]
    told = {"column": name, "label": "PERSON", "action": str(Action.REDACT), "values": sum(found), "rows": sum(n > 0 for n in found)}
    return rows.with_columns(pl.Series(name, clean, dtype=pl.String)), [told]


def _in_text(rows: pl.DataFrame, name: str, policy: PiiPolicy, keys: Keyring) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """The rows with personal data in one text column treated, and what that was."""
    from seeding_platform.governance.pii import detect_pii, redacted

    actions: Mapping[str, Action] = policy.labels
    spans = detect_pii(rows[name], weak=policy.weak)
    if spans.is_empty():
        return rows, []
    counted = spans.group_by("label").agg(values=pl.len(), rows=pl.col("row").n_unique()).sort("label")
    told = [
        {"column": name, "label": label, "action": str(actions.get(label, Action.REDACT)), "values": values, "rows": n}
        for label, values, n in counted.rows()
    ]
    wanted = [label for label in counted["label"] if actions.get(label, Action.REDACT) is not Action.KEEP]
    spans = spans.filter(pl.col("label").is_in(wanted))
    if spans.is_empty():
        return rows, told
    tenants = rows["tenant"].gather(spans["row"].unique().sort())
    made = rows[name]
    for tenant in tenants.unique().sort().to_list():
        treat = _Treatment(Pseudonyms(keys, tenant, policy.key_version), actions)
        mine = spans.filter((rows["tenant"] == tenant).gather(spans["row"]))
        made = redacted(made, spans=mine, replacement=treat)
    return rows.with_columns(made.alias(name)), told
