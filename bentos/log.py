"""Log lines as JSON, one object a line, with the request's id: what log collectors read without a parser of their own."""

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = ("request_id", "status", "ms", "bytes_in", "caller")
LOGGERS = ("timbre", "bentos", "components")


class JsonLines(logging.Formatter):
    """time, level, logger, message, and the fields of a request."""

    def format(self, record: logging.LogRecord) -> str:
        from bentos.gate import request_id

        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logging() -> None:
    """Write what Timbre's own code logs to stderr, once."""
    for logger in map(logging.getLogger, LOGGERS):
        if not logger.handlers:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(JsonLines())
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
