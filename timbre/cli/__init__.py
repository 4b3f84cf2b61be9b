"""The command `timbre`: one file a group, heavy imports only inside the commands that need them."""

import errno
import os
import sys

import typer

from timbre.cli import (
    choose,
    compare,
    data,
    doctor,
    drift,
    keys,
    models,
    predict,
    predictions,
    score,
    serve,
    stack,
    store,
    test,
    train,
    tune,
    worker,
)
from timbre.cli.arguments import spread

ENVIRONMENT = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_AUTO_OPEN_DASHBOARD": "false",
    # Threads that spin while they wait take the cores from whatever else runs; threads that sleep at once wake too late for the next
    # small operation. A short spin has the best of both.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "5000",
}

OF_A_FILE = {"ZENML_LOGGING_COLORS_DISABLED": "true"}  # where what a command says is read in a file

INTERRUPTED = 130  # typer makes it of a KeyboardInterrupt

app = typer.Typer(
    name="timbre",
    help="Labelled recordings in; a tagger that is trained, judged and registered out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": lambda token: token.replace("_", "-")},
)


@app.callback()
def everywhere(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; works before and after the command."),
) -> None:
    """Labelled recordings in; a tagger that is trained, judged and registered out."""


app.command("train")(train.train)
app.command("tune")(tune.tune)
app.command("test")(test.try_out)
app.command("predict")(predict.predict)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("choose")(choose.choose)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)
app.command("serve")(serve.serve)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.add_typer(stack.app, name="stack")
app.add_typer(drift.app, name="drift")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(predictions.app, name="predictions")


def main() -> None:
    """Run the command; bad input is one sentence and exit code 2, Ctrl+C is 130, and SIGTERM in a pipeline 143."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    for name, value in (ENVIRONMENT if sys.stdout.isatty() else ENVIRONMENT | OF_A_FILE).items():
        os.environ.setdefault(name, value)
    try:
        code = app(args=spread([argument for argument in arguments if argument != "--debug"]), prog_name="timbre", standalone_mode=False)
        raise SystemExit(code)
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            from components.signals import Stopped

            if isinstance(stop, Stopped):
                print("stopped by a signal; what was finished is kept, and the same command does the rest", file=sys.stderr)
            raise
        print("stopped by Ctrl+C; what was finished is kept, and the same command does the rest", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        sentence = sentence_of(error)
        if debug or sentence is None:
            raise
        if sentence:
            print(f"timbre: {sentence}", file=sys.stderr)
        raise SystemExit(2) from None


def sentence_of(error: Exception) -> str | None:
    """What to tell a person about an error that input or the machine caused; None for one of ours."""
    from components.errors import TimbreError

    if isinstance(error, TimbreError):
        return str(error)
    if hasattr(error, "format_message"):  # a usage error; typer brings a copy of click of its own, so its type has no public name
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "timbre"
        said = error.format_message().rstrip(".")
        return said and f"{said}; `{command} --help` tells what it takes"  # empty where the help itself was shown
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'no file is named'}): make room and run the same command again, nothing is lost"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}: name another place, or make this one readable and writable"
    cause = error.__cause__  # ZenML wraps what its hooks raise
    return sentence_of(cause) if isinstance(cause, Exception) else None
