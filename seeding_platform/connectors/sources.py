"""Which sources there are: the shipped ones and the user's own files, each valid or refused by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from seeding_platform.connectors.spec import FileSourceSpec
from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPONENT = "seeding_platform.components.FileSource"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a source file is refused: where, what, and what to do."""

    file: str
    line: int
    column: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what}"


class SourceRefused(ConfigError):
    """A source file with every problem found in it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)), fix="`seeding source check FILE` shows each problem; docs/extending.md has an example.")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources of an installation, and the files that were refused."""

    valid: tuple[FileSourceSpec, ...]
    refused: tuple[SourceRefused, ...] = ()


def parse_source(text: str, file: str) -> FileSourceSpec:
    """A source from the text of its YAML file.

    Raises:
        SourceRefused: with line and column of each problem.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - the C twin of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise SourceRefused([Problem(file, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, f"no YAML: {error.problem}")]) from error
    if not isinstance(data, dict) or data.get("type") != COMPONENT:
        raise SourceRefused([Problem(file, 1, 1, f"must start with type: {COMPONENT}")])
    unknown = sorted(set(data) - {"type", "attributes"})
    if unknown or not isinstance(data.get("attributes"), dict):
        what = f"unknown key {unknown[0]!r} beside type and attributes" if unknown else "has no attributes"
        raise SourceRefused([Problem(file, *_place(node, (unknown[0],) if unknown else ("type",)), what)])
    try:
        return FileSourceSpec.model_validate(data["attributes"])
    except ValidationError as error:
        raise SourceRefused([_problem(node, file, e["loc"], e["msg"]) for e in error.errors()]) from error


def read_source(path: Path) -> FileSourceSpec:
    """A source from its file; see `parse_source`."""
    try:
        return parse_source(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).", fix="Check the path.") from error
    except UnicodeDecodeError as error:
        raise SourceRefused([Problem(path.name, 1, 1, "is not UTF-8")]) from error


def shipped_files() -> list[Path]:
    """The source files that ship with the product."""
    return sorted((Path(__file__).parent.parent / "defs" / "sources").glob("*/defs.yaml"))


def user_files(folder: Path) -> list[Path]:
    """The user's own source files."""
    return sorted(p for p in folder.glob("*.y*ml") if p.suffix in (".yaml", ".yml")) if folder.is_dir() else []


def load_sources(files: Iterable[Path]) -> Sources:
    """Every source that is valid; one broken file costs no other, and two of one name cost the later one."""
    valid: dict[str, FileSourceSpec] = {}
    refused: list[SourceRefused] = []
    for path in files:
        try:
            spec = read_source(path)
        except SourceRefused as error:
            refused.append(error)
            continue
        except ConfigError as error:
            refused.append(SourceRefused([Problem(path.name, 1, 1, error.what)]))
            continue
        if spec.label in valid:
            refused.append(SourceRefused([Problem(path.name, 1, 1, f"the name {spec.name!r} is taken by another source; choose another")]))
        else:
            valid[spec.label] = spec
    return Sources(tuple(valid.values()), tuple(refused))


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _problem(node: yaml.Node | None, file: str, loc: tuple[int | str, ...], message: str) -> Problem:
    text = re.sub(r"^Value error, ", "", message)
    name = ".".join(map(str, loc))
    line, column = _place(node, ("attributes", *loc))
    return Problem(file, line, column, f"{name}: {text}" if name else text)


def _place(node: yaml.Node | None, path: tuple[int | str, ...]) -> tuple[int, int]:
    """1-based line and column of the deepest part of a path that the file has."""
    mark = node.start_mark if node else None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                break
            mark, node = found[0].start_mark, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.start_mark
        else:
            break
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
