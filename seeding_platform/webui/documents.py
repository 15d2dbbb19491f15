"""What a GraphQL document asks for, read before anything is executed: kinds of operations, and the fields of every mutation in it.

The whole document counts, whichever operation is named: names, aliases, fragments and directives hide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import SelectionSetNode

MOST_TOKENS = 15_000
"""Of one document; the largest of Dagster's own pages have a few thousand."""
META = frozenset({"__typename"})


class Unreadable(Exception):
    """A text that is no GraphQL document, or too large a one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a document asks for.

    Attributes:
        kinds: `query`, `mutation`, `subscription`: of all its operations.
        mutations: fields that its mutations call, by their own names, each once, in order.
    """

    kinds: frozenset[str]
    mutations: tuple[str, ...]


def asked(text: str) -> Asked:
    """What a document asks for.

    >>> told = asked("query A { version } mutation B { harmless: deleteRun(runId: 1) { __typename } }")
    >>> sorted(told.kinds), told.mutations
    (['mutation', 'query'], ('deleteRun',))

    Raises:
        Unreadable: the text cannot be parsed, is too large, or has no operation.
    """
    try:
        document = parse(text, no_location=True, max_tokens=MOST_TOKENS)
    except (GraphQLError, RecursionError) as error:
        raise Unreadable from error
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if not operations:
        raise Unreadable
    fragments = {d.name.value: d.selection_set for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    called: dict[str, None] = {}
    for operation in operations:
        if operation.operation is OperationType.MUTATION:
            called |= dict.fromkeys(_fields(operation.selection_set, fragments, set()))
    return Asked(frozenset(o.operation.value for o in operations), tuple(called))


def _fields(selections: SelectionSetNode, fragments: Mapping[str, SelectionSetNode], seen: set[str]) -> Iterator[str]:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            if node.name.value not in META:
                yield node.name.value
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, fragments, seen)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            if node.name.value in fragments:
                yield from _fields(fragments[node.name.value], fragments, seen)
