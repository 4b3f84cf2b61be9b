"""What every command shares: log lines on standard error, tables on standard output."""

import logging
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

# What every command that scores takes.
BatchSize = Annotated[int, typer.Option(min=1, help="Windows scored at a time.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads that read files; as many as fit where none.")]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def log_to_stderr() -> None:
    """Show the log lines of components/ and timbre/ as plain text on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in ("components", "timbre"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def option(panel: str, about: str, *names: str, metavar: str | None = None) -> Any:
    """A parameter's default: an option that is None, or no values, where it is not given."""
    return typer.Option(None, *names, help=about, rich_help_panel=panel, metavar=metavar)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are numbers and stand to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 160  # a pipe has no width; a narrow guess would cut names
    Console(width=width).print(table)
