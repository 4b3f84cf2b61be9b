"""timbre keys: who may use the service."""

import json
import sys
from typing import Annotated

import typer

from components.who import who
from timbre.cli.console import print_table

app = typer.Typer(help="API keys: who may use the service, and for what.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="What it opens: predict, test, models, train, review or admin (all); may be repeated.")],
    per_minute: Annotated[int, typer.Option(help="Requests a minute.")] = 600,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    from components.registry import ApiKeys, Registry

    with Registry() as registry:
        key, secret = ApiKeys(registry.database).create(name, scope, who(), per_minute)
    told = f"key {key.prefix} of {key.name} opens {', '.join(key.scopes)}; send it as the header X-API-Key"
    print(f"{told}; it is kept only as a hash and cannot be shown again", file=sys.stderr)
    print(secret)


@app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the keys, newest first, without their secrets."""
    from components.registry import ApiKeys, Registry

    registry = Registry()  # looking makes none
    keys = ApiKeys(registry.database).list() if registry.database.is_there else []
    registry.close()
    if as_json:
        print(json.dumps([key.as_json() for key in keys], indent=2))
        return
    if not keys:
        print("no API keys yet: timbre keys create NAME --scope predict makes one")
        return
    rows = []
    for key in keys:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"
        rows.append((key.prefix, key.name, ", ".join(key.scopes), str(key.per_minute), f"{key.created_at:%Y-%m-%d %H:%M}", used, state))
    print_table(["prefix", "name", "scopes", "a minute", "made (UTC)", "last used (UTC)", "state"], rows, right=["a minute"])


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="Its name or its prefix.")]) -> None:
    """Take a key back, for good; a running service refuses it from then on."""
    from components.errors import RegistryError
    from components.registry import ApiKeys, Registry

    with Registry() as registry:
        if not registry.database.is_there:
            raise RegistryError(f"there are no API keys, as {registry.address} does not exist: set TIMBRE_DATABASE_URL to where they are")
        revoked = ApiKeys(registry.database).revoke(key, who())
    print(f"revoked: {revoked.prefix} of {revoked.name}")
