"""The runs of the platform as OpenLineage events: what was made of what, column by column, with owners and counts. Nothing is sent anywhere.

The form is that of OpenLineage 2-0-2 and of its facets of the versions that are named below (https://openlineage.io/spec).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeding_platform.governance.lineage import IDENTITY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.governance.lineage import Origin

NAMESPACE = "seeding-platform"
SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = {
    "schema": "1-1-1/SchemaDatasetFacet",
    "columnLineage": "1-1-0/ColumnLineageDatasetFacet",
    "ownership": "1-0-1/OwnershipDatasetFacet",
    "documentation": "1-0-1/DocumentationDatasetFacet",
    "dataQualityMetrics": "1-0-2/DataQualityMetricsInputDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table, model or bundle.

    Args:
        name: `<layer>/<table>`.
        schema: name, type and description of its columns.
        columns: what each column is made of.
        owners: who answers for it, `team:...`.
        description: what it is.
    """

    name: str
    schema: Sequence[tuple[str, str, str]] = ()
    columns: Mapping[str, Sequence[Origin]] = field(default_factory=dict)
    owners: Sequence[str] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """One materialisation.

    Args:
        output: what was made.
        inputs: what it was made of.
        run_id: the run, a UUID.
        at: when, aware.
        rows: rows that were written; None where that is not known.
    """

    output: str
    inputs: Sequence[str]
    run_id: str
    at: dt.datetime
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a table, and for each column how many have no value."""

    rows: int
    nulls: Mapping[str, int]


def run_event(made: Made, datasets: Mapping[str, Dataset], counts: Mapping[str, Counts], *, producer: str) -> dict[str, Any]:
    """The COMPLETE event of a materialisation.

    Args:
        made: which.
        datasets: what is known of its inputs and output.
        counts: counts of tables as they stand, for its inputs.
        producer: URI of the software that says so.
    """

    def facet(name: str, **told: Any) -> dict[str, Any]:
        kind = FACETS[name]
        return {"_producer": producer, "_schemaURL": f"{SPEC}/facets/{kind}.json#/$defs/{kind.partition('/')[2]}", **told}

    def dataset(name: str) -> dict[str, Any]:
        known, facets = datasets.get(name, Dataset(name)), {}
        if known.schema:
            fields = [{"name": n, "type": t, **({"description": d} if d else {})} for n, t, d in known.schema]
            facets["schema"] = facet("schema", fields=fields)
        if known.owners:
            facets["ownership"] = facet("ownership", owners=[{"name": o, "type": "MAINTAINER"} for o in known.owners])
        if known.description:
            facets["documentation"] = facet("documentation", description=known.description)
        return {"namespace": NAMESPACE, "name": name, "facets": facets}

    output = dataset(made.output)
    if columns := datasets.get(made.output, Dataset(made.output)).columns:
        output["facets"]["columnLineage"] = facet("columnLineage", fields={name: {"inputFields": _fields(o)} for name, o in columns.items()})
    output["outputFacets"] = {} if made.rows is None else {"outputStatistics": facet("outputStatistics", rowCount=made.rows)}
    inputs = []
    for name in made.inputs:
        told, count = dataset(name), counts.get(name)
        metrics = {} if count is None else {c: {"nullCount": n} for c, n in count.nulls.items()}
        told["inputFacets"] = {} if count is None else {"dataQualityMetrics": facet("dataQualityMetrics", rowCount=count.rows, columnMetrics=metrics)}
        inputs.append(told)
    return {
        "eventType": "COMPLETE",
        "eventTime": made.at.isoformat(),
        "run": {"runId": made.run_id, "facets": {}},
        "job": {"namespace": NAMESPACE, "name": made.output, "facets": {}},
        "inputs": inputs,
        "outputs": [output],
        "producer": producer,
        "schemaURL": RUN_EVENT,
    }


def _fields(origins: Sequence[Origin]) -> list[dict[str, Any]]:
    return [
        {
            "namespace": NAMESPACE,
            "name": o.table,
            "field": o.column,
            "transformations": [
                {
                    "type": "DIRECT",
                    "subtype": "IDENTITY" if o.how == IDENTITY else "TRANSFORMATION",
                    "description": o.how,
                    "masking": o.masking,
                }
            ],
        }
        for o in origins
    ]


def broken(event: Mapping[str, Any]) -> list[str]:
    """What an event lacks that the specification requires, in words; nothing when it is whole."""
    wrong = [f"{n} is missing" for n in ("eventType", "eventTime", "run", "job", "producer", "schemaURL") if not event.get(n)]
    if not _UUID.fullmatch(str(event.get("run", {}).get("runId", ""))):
        wrong.append("run.runId is no UUID")
    if event.get("eventType") not in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"):
        wrong.append(f"eventType is {event.get('eventType')!r}")
    if not re.match(r"[a-z][a-z0-9+.-]*:\S+$", str(event.get("producer", ""))):
        wrong.append("producer is no URI")
    sets = [("job", event.get("job", {})), *((f"{side}[{n}]", d) for side in ("inputs", "outputs") for n, d in enumerate(event.get(side, [])))]
    for where, told in sets:
        wrong += [f"{where}.{n} is missing" for n in ("namespace", "name") if not told.get(n)]
        for group in ("facets", "inputFacets", "outputFacets"):
            for name, facet in told.get(group, {}).items():
                wrong += [f"{where}.{group}.{name}.{n} is missing" for n in ("_producer", "_schemaURL") if not facet.get(n)]
                wrong += [f"{where}.{group}.{name}: {problem}" for problem in _in_facet(name, facet)]
    return wrong


def _in_facet(name: str, facet: Mapping[str, Any]) -> list[str]:
    if name == "schema":
        return ["a field has no name" for f in facet.get("fields", []) if not f.get("name")]
    if name == "ownership":
        return ["an owner has no name" for o in facet.get("owners", []) if not o.get("name")]
    if name == "dataQualityMetrics":
        return [] if isinstance(facet.get("columnMetrics"), dict) else ["columnMetrics is missing"]
    if name == "outputStatistics":
        return [] if isinstance(facet.get("rowCount"), int) else ["rowCount is missing"]
    if name != "columnLineage":
        return []
    if not isinstance(facet.get("fields"), dict):
        return ["fields is missing"]
    found = []
    for column, told in facet["fields"].items():
        for origin in told.get("inputFields", [{}]):
            found += [f"{column}: {n} of an input is missing" for n in ("namespace", "name", "field") if not origin.get(n)]
            found += [
                f"{column}: a transformation has no type" for t in origin.get("transformations", []) if t.get("type") not in ("DIRECT", "INDIRECT")
            ]
    return found
