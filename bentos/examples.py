"""What the OpenAPI document shows: an example for every body, and the shapes of errors."""

from typing import Any

DESCRIPTION = """Which labels play in a recording.

1. `GET /models` gives the models that may be used.
2. Put one of its strings into `model_ckpt_path` of `POST /model/predict-files`, choose audio files, and send.

Every route but the health checks, `/metrics` and `/docs` wants an API key in the header `X-API-Key`, unless authentication is off."""

PATHS = ["test/Part1", "test/Part2/one.wav", "s3://recordings/2026/one.flac"]
ONE = {"cel": 1, "cla": 0, "flu": 0, "gac": 0, "gel": 0, "org": 0, "pia": 1, "sax": 0, "tru": 0, "vio": 0, "voi": 1}
FAILED = {"error": "notes.txt is no audio that can be read (Format not recognised): convert it to WAV, FLAC, OGG or MP3"}
LINES = (
    '{"one": {"cel": 1, "voi": 0}}\n{"two": {"error": "two.wav is empty: it holds no bytes"}}\n'
    '{"status": "done", "clips": 1, "failed": 1}\n'
)

DETAIL: dict[str, Any] = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
WHERE: dict[str, Any] = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}
FAULT: dict[str, Any] = {
    "type": "object",
    "properties": {"loc": WHERE, "msg": {"type": "string"}, "type": {"type": "string"}},
    "required": ["loc", "msg", "type"],
}
INVALID: dict[str, Any] = {"type": "object", "properties": {"detail": {"type": "array", "items": FAULT}}, "required": ["detail"]}
WRONG = {"loc": ["query", "model_ckpt_path"], "msg": "Field required", "type": "missing"}


def error(description: str, example: str) -> dict[str, Any]:
    """An error's entry in the document."""
    return {"description": description, "content": {"application/json": {"schema": DETAIL, "example": {"detail": example}}}}


def json_body(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


TOLD: dict[int, dict[str, Any]] = {
    400: error("The input cannot be used", "not one of 2 files could be read; the first: a.wav is empty: it holds no bytes"),
    401: error("No key, or a wrong one", "this route wants an API key in the header X-API-Key"),
    403: error("The key may not do this", "this key may predict, and this route wants the scope test"),
    404: error("No such model or path", "the registry has no model 'sampel@e04c42dd'; it has sample@e04c42dd"),
    408: error("The body came too slowly", "the body did not arrive within 120 s: send less at a time"),
    409: error("The model is inactive, or in use", "model sample@e04c42dd is inactive"),
    410: error("The model is archived", "model sample@e04c42dd was archived and is kept for audit only"),
    413: error("Too much for one request", "the request's body is larger than 512 MiB: send fewer or smaller files"),
    415: error("Another type of body is wanted", "send the audio as multipart/form-data with one field audio_files a file"),
    422: {
        "description": "The request is not as this document says",
        "content": {"application/json": {"schema": INVALID, "example": {"detail": [WRONG]}}},
    },
    429: error("Too many requests with this key", "this key may send 600 requests a minute"),
    502: error("S3 refuses the service's credentials", "S3 does not let this service read 's3://recordings/one.flac'"),
    503: error("Busy, or the database is away", "the service has as many requests in line as it takes"),
    504: error("It took too long", "the answer took longer than 120 s"),
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The entries of some errors, and of those that the gate may give on any route."""
    return {status: TOLD[status] for status in sorted({401, 403, 408, 413, 429, 503, 504, *statuses})}


ANYWHERE = errors()
AUDIO = errors(400, 404, 409, 410, 422, 502)
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audio_files"],
                    "properties": {"audio_files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
                },
                "example": {"audio_files": ["track_23.wav"]},
            }
        },
    }
}
FILES: dict[int | str, dict[str, Any]] = {415: TOLD[415], 200: json_body("An object a file, in their order", [ONE, FAILED])}
DIRECTORY: dict[int | str, dict[str, Any]] = {200: json_body("File stem -> label -> 0 or 1", {"one": ONE, "notes": FAILED})}


def events(lines: str) -> str:
    """The same as server-sent events."""
    *clips, last = lines.splitlines()
    return "".join(f"event: {name}\ndata: {line}\n\n" for name, line in [*(("clip", clip) for clip in clips), ("done", last)])


def streamed(lines: str) -> dict[int | str, dict[str, Any]]:
    """A stream's entry: the same lines in both of its forms."""
    schema = {"type": "string"}
    content = {
        "application/x-ndjson": {"schema": schema, "example": lines},
        "text/event-stream": {"schema": schema, "example": events(lines)},
    }
    return {200: {"description": "A line a clip; the last one says how it ended", "content": content}}


STREAM = streamed(LINES)
METRICS = {"accuracy": 0.96, "hamming_distance": 0.04, "f1": 0.86, "precision": 0.95, "recall": 0.81}
TEST: dict[int | str, dict[str, Any]] = {
    200: json_body("Metrics over all labelled clips, and what was predicted for each", {**METRICS, "predictions": {"one": ONE}})
}
TEST_LINES = '{"one": {"cel": 1, "voi": 0}}\n{"status": "done", "clips": 1, "failed": 0, "accuracy": 0.96, "f1": 0.86}\n'
TEST_STREAM = streamed(TEST_LINES)
MODEL: dict[str, Any] = {
    "id": "5f0c7a0e-6a5e-4b57-9d2f-6f6a3c0c9a11",
    "key": "sample@e04c42dd",
    "name": "sample",
    "description": "",
    "digest": "e04c42dd5f5d63aa3191deab987a06d17ebeb3d54a82e76fab1cfac2bc535307",
    "artifact_types": ["cel", "voi"],
    "task": "multilabel",
    "training_job_id": None,
    "is_active": True,
    "archived_at": None,
    "created_at": "2026-11-21T05:16:00.000Z",
    "eval_metrics": {
        "precision": 0.95,
        "recall": 0.81,
        "f1_score": 0.86,
        "per_class": {"cel": {"precision": 1.0, "recall": 0.65, "f1_score": 0.79, "support": 26}},
        "split": "test",
    },
    "data_digest": "9b1c",
    "decision": {
        "promote": True,
        "reason": "nothing was in production",
        "difference": None,
        "low": None,
        "high": None,
        "against": None,
        "shadow": False,
    },
    "aliases": ["production", "latest"],
}
MODELS: dict[int | str, dict[str, Any]] = {200: json_body("Keys: aliases, then name@digest8", ["production", "latest", "sample@e04c42dd"])}
TYPES: dict[int | str, dict[str, Any]] = {200: json_body("Types", ["irmastrain", "irmastest", "openmic", "csv", "inference"])}
PAGE: dict[str, Any] = {"items": [MODEL], "total": 1, "page": 1, "page_size": 100}
COMPARED: dict[str, Any] = {
    **{name: MODEL[name] for name in ("id", "key", "name", "data_digest")},
    "split": "test",
    "precision": 0.95,
    "recall": 0.81,
    "f1_score": 0.86,
    "f1_difference": 0.0,
    "per_class_f1": {"cel": 0.79},
}
AUDITED: dict[str, Any] = {
    "at": MODEL["created_at"],
    "who": "ann",
    "action": "promoted",
    "model_id": MODEL["id"],
    "detail": {"reason": "better"},
}
SHARE = {"value": 0.84, "low": 0.71, "high": 0.92}
PREDICTION = "0198c7a4-5b1e-4c55-9a6e-2f6f0c7d1b42"
CONTENT = "3f0b1c52d5f3c0de8a51c4a7e6a1b2f35c8d4e9f7a6b5c4d3e2f1a0b9c8d7e6f"
NEW_REVIEW: dict[str, Any] = {"labels": ["cel"], "sampled_p": None, "replace": False, "opinion_shown": False}
REVIEW: dict[str, Any] = {
    "prediction_id": PREDICTION,
    "model": MODEL["digest"],
    "content": CONTENT,
    "labels": ["cel"],
    "reviewer": "ann",
    "at": MODEL["created_at"],
    "sampled_p": None,
    "opinion_shown": False,
}
TO_REVIEW: dict[str, Any] = {
    "prediction_id": PREDICTION,
    "at": MODEL["created_at"],
    "content": CONTENT,
    "scores": {"cel": 0.52, "voi": 0.03},
    "decisions": ["cel"],
    "label": "cel",
    "distance": 0.08,
    "sampled_p": None,
    "audio": f"/api/v1/predictions/{PREDICTION}/audio",
}
QUEUE: dict[str, Any] = {"model": MODEL["key"], "waiting": 812, "items": [TO_REVIEW]}
LABEL_PERFORMANCE: dict[str, Any] = {"label": "cel", "heard": 31, "found": 29, "precision": SHARE, "recall": SHARE, "f1": SHARE}
PERFORMANCE: dict[str, Any] = {
    "model": MODEL["key"],
    "contents": 4120,
    "sample": 96,
    "other": 288,
    "missing": 2,
    "unseen": 310,
    "confidence": 0.95,
    "macro_f1": SHARE,
    "labels": [LABEL_PERFORMANCE],
}
RATES: dict[str, Any] = {
    "model": MODEL["key"],
    "every": "day",
    "items": [{"start": "2026-11-21T00:00:00.000Z", "clips": 588, "rates": {"cel": {"value": 0.12, "low": 0.09, "high": 0.15}}}],
}
NO_PREDICTION = error("No such prediction", f"no prediction {PREDICTION!r} is logged here: take an id that an answer gave")
NO_AUDIO = error("No such prediction, or its audio is gone", "the audio of this prediction is not where this service may read it any more")
REVIEWED = error("It has a review, or its clip failed", f"ann reviewed prediction {PREDICTION}: send replace to correct that")
BYTES = {"schema": {"type": "string", "format": "binary"}, "example": "RIFF..."}
HEARD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file as it was sent",
        "content": dict.fromkeys(("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/aiff", "application/octet-stream"), BYTES),
    },
    404: NO_AUDIO,
}
