"""Commands about the state database itself."""

from __future__ import annotations

from typing import Annotated

import typer

from seeding_platform.cli.terms import say

database_app = typer.Typer(help="The state database: who reads it past the service.", no_args_is_help=True)


@database_app.command("readers")
def database_readers(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose rows the role sees.")],
    role: Annotated[str, typer.Option("--role", help="The role; default: seeding_reader_<tenant>.")] = "",
    schema: Annotated[str, typer.Option("--schema", help="Where the tables are.")] = "public",
) -> None:
    """Print the SQL that makes a role of Postgres for BI tools, which sees the rows of one tenant; nothing is changed."""
    from seeding_platform.storage.readers import role_of, statements

    name = role or role_of(tenant)
    for statement in statements(tenant, name, schema=schema):
        typer.echo(f"{statement};")
    say(f"Run it as the owner of the tables, who may make roles, then give the role a password: \\password {name}")
