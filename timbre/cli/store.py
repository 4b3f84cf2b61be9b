"""timbre store: the decoded clips under TIMBRE_STORE."""

from typing import Annotated

import typer

from timbre.cli.console import log_to_stderr

app = typer.Typer(help="The store of decoded clips.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The store of decoded clips."""


@app.command()
def gc(
    days: Annotated[float, typer.Option(min=0, help="Keep what a run has used within this many days.")] = 30.0,
) -> None:
    """Remove decoded clips that no recent run uses."""
    from components.places import store_root
    from components.store import collect_garbage

    log_to_stderr()
    freed = collect_garbage(store_root(), days)
    print(f"freed {freed.nbytes / 2**20:.1f} MiB: {freed.clips:,} clips and {freed.views:,} views")
    for folder in freed.busy:
        print(f"left alone, as a run uses it: {folder}")
