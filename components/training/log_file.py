"""train.log: what Timbre says during a training, with times, in its run folder."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path

LOG = "train.log"
SPEAKERS = ("components", "steps", "timbre")  # the packages, whose loggers are named after their modules
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def logged(run_folder: Path) -> Iterator[None]:
    """Write INFO and above to `train.log` too, until the end, and last what ended it where that is an error.

    The file is made with its first line, so what is refused before anything runs leaves none. A resumed training adds to it. Whoever
    listens to the loggers hears no more than before.
    """
    file = _File(run_folder / LOG)
    with ExitStack() as stack:
        stack.callback(file.close)
        for name in SPEAKERS:
            stack.enter_context(_also(logging.getLogger(name), file))
        try:
            yield
        except BaseException as error:
            if file.stream is not None:
                file.handle(_ending(error))
            raise


def _ending(error: BaseException) -> logging.LogRecord:
    sentence = f"ended by {type(error).__name__}: {error}".rstrip(": ")
    return logging.makeLogRecord({"name": "components.training", "levelno": logging.ERROR, "levelname": "ERROR", "msg": sentence})


class _File(logging.FileHandler):
    """Opened by the first line, with the folder that it lies in."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.setLevel(logging.INFO)
        self.setFormatter(logging.Formatter(FORMAT))

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


class _Onward(logging.Handler):
    """Hands on to a logger's own handlers and to those above what they would have got."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger.getEffectiveLevel())
        self._own, self._above = logger.handlers[:], logger.parent if logger.propagate else None

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self._own:
            if record.levelno >= handler.level:
                handler.handle(record)
        if self._above is not None:
            self._above.callHandlers(record)


@contextmanager
def _also(logger: logging.Logger, file: logging.Handler) -> Iterator[None]:
    """Let the logger write to the file; of one that is silent at INFO the rest hear no more than before."""
    level, propagate, handlers = logger.level, logger.propagate, logger.handlers[:]
    if logger.isEnabledFor(logging.INFO):
        logger.handlers = [*handlers, file]
    else:
        logger.handlers, logger.propagate = [file, _Onward(logger)], False
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
