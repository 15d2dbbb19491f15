"""Dagster's contexts and webserver with who is asking in them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.permissions import LOCATION_SCOPED_PERMISSIONS, PermissionResult, Permissions
from dagster_webserver.webserver import DagsterWebserver
from graphql import GraphQLError

from seeding_platform.storage.api_state import Role
from seeding_platform.webui.door import actor_from, actor_in
from seeding_platform.webui.rules import PERMISSIONS
from seeding_platform.webui.schema import Refused, guarded_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphene import Schema

    from seeding_platform.webui.record import Recorder

log = logging.getLogger("seeding.webui")


class RoleRequestContext(WorkspaceRequestContext):
    """What a resolver sees of the workspace, with the permissions of who asks."""

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        """Every permission that Dagster knows, allowed by the role of who asks."""
        role = actor_in(self).role
        return {str(name): _result(PERMISSIONS.get(str(name)), role) for name in Permissions}

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        """The same for every code location."""
        return {name: result for name, result in self.permissions.items() if name in LOCATION_SCOPED_PERMISSIONS}

    @property
    def show_instance_config(self) -> bool:
        """Whether dagster.yaml is shown, which may hold passwords."""
        return actor_in(self).role.may(Role.ADMIN)

    def get_viewer_tags(self) -> dict[str, str]:
        """Tags of what is started: by which key."""
        return {"user": actor_in(self).key_id}

    def get_reporting_user_tags(self) -> dict[str, str]:
        """Tags of what is reported by hand: by which key."""
        return {"dagster/reporting_user": actor_in(self).key_id}

    def reload_code_location(self, name: str) -> RoleRequestContext:
        """Load a code location again; what is asked of it after that, the same person asks."""
        super().reload_code_location(name)
        return self._again()

    def reload_workspace(self) -> RoleRequestContext:
        """Load every code location again."""
        super().reload_workspace()
        return self._again()

    def _again(self) -> RoleRequestContext:
        made = self.process_context.create_request_context(self.source)
        if not isinstance(made, RoleRequestContext):
            raise TypeError("The workspace hands out contexts without roles.")
        return made


class RoleProcessContext(WorkspaceProcessContext):
    """The workspace of the process; hands out request contexts that know who asks."""

    def create_request_context(self, source: object | None = None) -> RoleRequestContext:
        """A context of one request.

        Args:
            source: the connection, with `state.actor` set by the gate; without one only looking is allowed.
        """
        return RoleRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=not actor_from(source).role.may(Role.OPERATOR),
        )


class Webserver(DagsterWebserver[RoleProcessContext, RoleRequestContext]):
    """Dagster's webserver over a guarded schema; an unexpected error is told without its trace, which stands in the log.

    Args:
        process_context: the workspace.
        recorder: writes down what is done.
    """

    def __init__(self, process_context: RoleProcessContext, recorder: Recorder) -> None:
        self._recorder = recorder
        super().__init__(process_context, live_data_poll_rate=2000, uses_app_path_prefix=False)

    def build_graphql_schema(self) -> Schema:
        """Dagster's schema with our rules."""
        return guarded_schema(self._recorder)

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[Any]:
        """Errors as they are told."""
        return [self._told(error) for error in errors]

    def _told(self, error: GraphQLError) -> dict[str, Any]:
        if not _unexpected(error):
            return dict(error.formatted)
        log.error("unexpected error at %s", error.path, exc_info=error.original_error)
        return {**error.formatted, "message": "Something went wrong; the log of the web UI says what."}

    def _determine_status_code(self, resolver_errors: list[GraphQLError] | None, captured_errors: list[Exception]) -> int:
        """A field that was refused leaves the rest of an answer as it is."""
        left = [e for e in resolver_errors or [] if not isinstance(e, Refused) and not isinstance(e.original_error, Refused)]
        return super()._determine_status_code(left, captured_errors)


def _unexpected(error: GraphQLError) -> bool:
    original = error.original_error
    return original is not None and not isinstance(original, GraphQLError)


def _result(needed: Role | None, role: Role) -> PermissionResult:
    allowed = needed is not None and role.may(needed)
    return PermissionResult(enabled=allowed, disabled_reason=None if allowed else f"This needs the role {needed or 'of nobody'}.")
