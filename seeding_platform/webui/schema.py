"""Dagster's GraphQL schema with our rules in its resolvers: whatever way a field is reached, it asks here.

The gate has looked at the document before; this is what holds when it was mistaken, and where an answer is known and goes on record.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from dagster_graphql.schema import create_schema
from graphql import GraphQLError, GraphQLInterfaceType, GraphQLObjectType, default_field_resolver, get_named_type

from seeding_platform.storage.api_state import Role
from seeding_platform.webui.door import actor_in
from seeding_platform.webui.rules import FIELDS, LOG_TYPES, MUTATIONS, WITHHELD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graphene import Schema
    from graphql import GraphQLField, GraphQLSchema

    from seeding_platform.webui.record import Recorder

    Resolver = Callable[..., Any]

BAD_ENDINGS = ("Error", "Failure", "Invalid", "NotFound", "Conflict", "NotSupported", "NotFoundError")
"""How Dagster calls an answer that says that nothing was done."""


class Refused(GraphQLError):
    """A field that the actor may not ask for."""


def guarded_schema(recorder: Recorder) -> Schema:
    """Dagster's schema, every mutation and every field with words of runs asked for a role."""
    made = create_schema()
    schema: GraphQLSchema = made.graphql_schema
    if schema.mutation_type is not None:
        for name, field in schema.mutation_type.fields.items():
            field.resolve = _mutation(name, field.resolve or default_field_resolver, recorder)
    for (owner, name), role in read_rules(schema).items():
        field = _field(schema, owner, name)
        field.resolve = _read(name, role, field.resolve or default_field_resolver)
        if field.subscribe is not None:
            field.subscribe = _read(name, role, field.subscribe)
    for (owner, name), instead in WITHHELD.items():
        field = _field(schema, owner, name)
        field.resolve = _withheld(instead, field.resolve or default_field_resolver)
    return made


def read_rules(schema: GraphQLSchema) -> dict[tuple[str, str], Role]:
    """Fields that not everybody reads: those that are named, and all that give a type of log."""
    found = dict(FIELDS)
    for owner, kind in schema.type_map.items():
        if owner.startswith("__") or not isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            continue
        for name, field in kind.fields.items():
            if get_named_type(field.type).name in LOG_TYPES:
                found[owner, name] = Role.OPERATOR
    return found


def _field(schema: GraphQLSchema, owner: str, name: str) -> GraphQLField:
    kind: Any = schema.type_map[owner]
    return kind.fields[name]


def _mutation(name: str, inner: Resolver, recorder: Recorder) -> Resolver:
    needed = MUTATIONS.get(name)

    def resolve(root: Any, info: Any, **arguments: Any) -> Any:
        actor = actor_in(info.context)
        if needed is None or not actor.role.may(needed):
            recorder.mutation(actor, name, "refused")
            raise Refused(refusal(needed, actor.role))
        try:
            answer = inner(root, info, **arguments)
        except Exception:
            recorder.mutation(actor, name, "failed")
            raise
        if inspect.isawaitable(answer):
            return awaited(actor, answer)
        recorder.mutation(actor, name, *outcome(answer))
        return answer

    async def awaited(actor: Any, coming: Awaitable[Any]) -> Any:
        try:
            answer = await coming
        except Exception:
            recorder.mutation(actor, name, "failed")
            raise
        recorder.mutation(actor, name, *outcome(answer))
        return answer

    return resolve


def outcome(answer: Any) -> tuple[str, str]:
    """What came of a mutation: ok or failed, and the type of the answer.

    >>> outcome(True)
    ('ok', 'bool')
    """
    said = type(answer).__name__.removeprefix("Graphene")
    return "failed" if said.endswith(BAD_ENDINGS) else "ok", said


def _read(name: str, needed: Role, inner: Resolver) -> Resolver:
    def resolve(root: Any, info: Any, **arguments: Any) -> Any:
        role = actor_in(info.context).role
        if not role.may(needed):
            told = f"{name}: {refusal(needed, role)}"
            raise Refused(told)
        return inner(root, info, **arguments)

    return resolve


def _withheld(instead: object, inner: Resolver) -> Resolver:
    def resolve(root: Any, info: Any, **arguments: Any) -> Any:
        return inner(root, info, **arguments) if actor_in(info.context).role.may(Role.OPERATOR) else instead

    return resolve


def refusal(needed: Role | None, role: Role) -> str:
    """Why something is refused."""
    return "Nobody may do this here." if needed is None else f"This needs the role {needed}; the key has {role}."
