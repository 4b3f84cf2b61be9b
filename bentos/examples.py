"""What the OpenAPI document shows: an example for every body, and the shapes of errors."""

from typing import Any

DESCRIPTION = """Which labels play in a recording.

1. `GET /models` gives the models that may be used.
2. Put one of its strings into `model_ckpt_path` of `POST /model/predict-files`, choose audio files, and send.

Every route but the health checks wants an API key in the header `X-API-Key`, unless the service runs with authentication off."""

PATHS = ["test/Part1", "test/Part2/one.wav", "s3://recordings/2026/one.flac"]
ONE = {"cel": 1, "cla": 0, "flu": 0, "gac": 0, "gel": 0, "org": 0, "pia": 1, "sax": 0, "tru": 0, "vio": 0, "voi": 1}
FAILED = {"error": "notes.txt is no audio that can be read (Format not recognised): convert it to WAV, FLAC, OGG or MP3"}
LINES = '{"one": {"cel": 1, "voi": 0}}\n{"two": {"error": "two.wav is empty"}}\n{"status": "done", "clips": 1, "failed": 1}\n'

DETAIL: dict[str, Any] = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}


def error(description: str, example: str) -> dict[str, Any]:
    """An error's entry in the document."""
    return {"description": description, "content": {"application/json": {"schema": DETAIL, "example": {"detail": example}}}}


def json_body(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


ERRORS: dict[int | str, dict[str, Any]] = {
    400: error("The input cannot be used", "not one of 2 files could be read; the first: a.wav is empty: it holds no bytes"),
    401: error("No key, or a wrong one", "this route wants an API key in the header X-API-Key"),
    403: error("The key may not do this", "this key may predict, and this route wants the scope test"),
    404: error("No such model or path", "the registry has no model 'sampel@e04c42dd'; it has sample@e04c42dd"),
    409: error("The model is inactive", "model sample@e04c42dd is inactive"),
    410: error("The model is archived", "model sample@e04c42dd was archived and is kept for audit only"),
    413: error("Too much for one request", "the request's body is larger than 512 MiB: send fewer or smaller files"),
    415: error("Another type of body is wanted", "send the audio as multipart/form-data with one field audio_files a file"),
    429: error("Too many requests with this key", "this key may send 600 requests a minute"),
    503: error("Busy, or the database is away", "the service has as many requests in line as it takes"),
    504: error("It took too long", "the answer took longer than 120 s"),
}
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
FILES: dict[int | str, dict[str, Any]] = {200: json_body("An object a file, in their order", [ONE, FAILED])}
DIRECTORY: dict[int | str, dict[str, Any]] = {200: json_body("File stem -> label -> 0 or 1", {"one": ONE, "notes": FAILED})}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line a clip; the last one says how it ended",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}, "example": LINES},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}
METRICS = {"accuracy": 0.96, "hamming_distance": 0.04, "f1": 0.86, "precision": 0.95, "recall": 0.81}
TEST: dict[int | str, dict[str, Any]] = {
    200: json_body("Metrics over all labelled clips, and what was predicted for each", {**METRICS, "predictions": {"one": ONE}})
}
TEST_LINES = '{"one": {"cel": 1, "voi": 0}}\n{"status": "done", "clips": 1, "failed": 0, "accuracy": 0.96, "f1": 0.86}\n'
TEST_STREAM: dict[int | str, dict[str, Any]] = {200: {**STREAM[200], "content": {**STREAM[200]["content"]}}}
TEST_STREAM[200]["content"]["application/x-ndjson"] = {"schema": {"type": "string"}, "example": TEST_LINES}
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
    "decision": {"promote": True, "reason": "nothing was in production", "difference": None, "low": None, "high": None, "against": None},
    "aliases": ["production", "latest"],
}
