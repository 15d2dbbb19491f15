"""Fields of a form, drawn from the JSON Schema of a model: whatever a group of settings declares, it can be shown, typed and read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

Kind = Literal["number", "whole", "flag", "choice", "several", "lines", "pairs", "text", "date", "time", "json"]
FORMATS: dict[str, Kind] = {"date": "date", "time": "time"}
SCALARS: dict[str, Kind] = {"number": "number", "integer": "whole", "string": "text"}


class Unreadable(ValueError):
    """What was typed is not of the field's kind.

    Args:
        code: which message says so: number, whole, choice, pair, json or missing.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaField:
    """One field of a form.

    Attributes:
        name: of the model's field.
        title: for people, as the schema says it.
        description: what it means; may be empty.
        kind: how it is drawn and read.
        nullable: nothing typed means none.
        default: its value where nobody adjusted it, as JSON.
        choices: values to choose from, for `choice` and `several`.
        item: kind of the parts of `lines` and `pairs`.
        minimum: smallest number; None where there is none, or it is not itself allowed.
        maximum: largest number, likewise.
        longest: most signs of a text.
    """

    name: str
    title: str
    description: str
    kind: Kind
    nullable: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    item: Kind = "text"
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None

    def written(self, value: Any) -> list[str]:
        """A value as the texts of its inputs: one, or one a choice that is taken."""
        if self.kind == "several":
            return [_plain(part) for part in value or ()]
        if value is None:
            return [""]
        if self.kind == "lines":
            return ["\n".join(_plain(part) for part in value)]
        if self.kind == "pairs":
            return ["\n".join(f"{name}: {_plain(part)}" for name, part in value.items())]
        return [json.dumps(value, indent=1, ensure_ascii=False) if self.kind == "json" else _plain(value)]

    def read(self, typed: Sequence[str]) -> Any:
        """What was typed, as a value.

        Raises:
            Unreadable: it is not of this kind.
        """
        if self.kind == "several":
            return [self._chosen(text) for text in typed if text]
        text = typed[0].strip() if typed else ""
        if not text and self.nullable:
            return None
        if self.kind == "lines":
            return [_scalar(line.strip(), self.item) for line in text.splitlines() if line.strip()]
        if self.kind == "pairs":
            return dict(_pair(line, self.item) for line in text.splitlines() if line.strip())
        if self.kind == "json":
            return _json(text)
        return self._chosen(text) if self.kind in ("choice", "flag") else _scalar(text, self.kind)

    def _chosen(self, text: str) -> Any:
        for choice in self.choices:
            if text == _plain(choice):
                return choice
        raise Unreadable("choice")


def fields_of(model: type[BaseModel]) -> list[SchemaField]:
    """The fields of a model, in their order."""
    schema = model.model_json_schema()
    return [_field(name, told, schema.get("$defs", {})) for name, told in schema.get("properties", {}).items()]


def _field(name: str, told: Mapping[str, Any], defs: Mapping[str, Any]) -> SchemaField:
    own = dict(told)
    parts = own.pop("anyOf", None)
    solid = [p for p in parts if p.get("type") != "null"] if parts else []
    nullable = parts is not None and len(solid) < len(parts)
    if len(solid) == 1:
        own = {**own, **solid[0]}
    shape = _resolved(own, defs) if parts is None or len(solid) == 1 else {}
    kind = _kind(shape, defs)
    inner = _resolved(shape.get("items" if kind in ("lines", "several") else "additionalProperties") or {}, defs)
    return SchemaField(
        name=name,
        title=str(told.get("title") or name.replace("_", " ").capitalize()),
        description=str(told.get("description", "")),
        kind=kind,
        nullable=nullable,
        default=told.get("default"),
        choices=(True, False) if kind == "flag" else tuple(_choices(inner if kind == "several" else shape)),
        item=SCALARS.get(str(inner.get("type")), "text"),
        minimum=shape.get("minimum"),
        maximum=shape.get("maximum"),
        longest=shape.get("maxLength"),
    )


def _resolved(shape: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with what its reference points to."""
    if "$ref" not in shape:
        return dict(shape)
    return {**defs.get(str(shape["$ref"]).rpartition("/")[2], {}), **{k: v for k, v in shape.items() if k != "$ref"}}


def _choices(shape: Mapping[str, Any]) -> list[Any]:
    return list(shape["enum"]) if "enum" in shape else [shape["const"]] if "const" in shape else []


def _kind(shape: Mapping[str, Any], defs: Mapping[str, Any]) -> Kind:
    if _choices(shape):
        return "choice"
    kind = str(shape.get("type"))
    if kind == "boolean":
        return "flag"
    if kind == "array" and "prefixItems" not in shape:
        inner = _resolved(shape.get("items") or {}, defs)
        return "several" if _choices(inner) else "lines" if inner.get("type") in SCALARS else "json"
    if kind == "object" and isinstance(shape.get("additionalProperties"), dict):
        return "pairs" if shape["additionalProperties"].get("type") in SCALARS else "json"
    if kind == "string":
        return FORMATS.get(str(shape.get("format")), "text")
    return SCALARS.get(kind, "json")


def _plain(value: Any) -> str:
    """A scalar as it is typed; a whole number without a point.

    >>> [_plain(v) for v in (0.8, 90.0, 3, True, "x", None)]
    ['0.8', '90', '3', 'true', 'x', '']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return "" if value is None else str(value)


def _scalar(text: str, kind: Kind) -> Any:
    """A typed text as a number where it is to be one; a decimal comma is one too."""
    if kind not in ("number", "whole"):
        return text
    if not text:
        raise Unreadable("missing")
    try:
        value = int(text) if kind == "whole" else float(text.replace(",", "."))
        finite = isfinite(value)
    except (ValueError, OverflowError) as error:
        raise Unreadable(kind) from error
    if not finite:
        raise Unreadable(kind)
    return value


def _pair(line: str, kind: Kind) -> tuple[str, Any]:
    name, sign, value = line.rpartition(":")
    if not sign or not name.strip():
        raise Unreadable("pair")
    return name.strip(), _scalar(value.strip(), kind)


def _json(text: str) -> Any:
    def finite(number: str) -> float:
        value = float(number)
        if not isfinite(value):
            raise ValueError(number)  # NaN and the infinities are no JSON
        return value

    try:
        return json.loads(text or "null", parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise Unreadable("json") from error
