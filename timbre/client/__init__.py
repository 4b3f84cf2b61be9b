"""Talk to a service that runs elsewhere, blocking or with asyncio; it needs neither torch nor pandas.

>>> from timbre import Client
>>> with Client("http://localhost:8090", api_key="…") as client:
...     for clip in client.predict(["a.wav", "b.ogg"]):
...         print(clip.name, clip.labels)
"""

from timbre.client.answers import (
    AuditEntry,
    ClassMetrics,
    Clip,
    Compared,
    Comparison,
    EvalMetrics,
    Job,
    LabelPerformance,
    Model,
    Page,
    Performance,
    Rates,
    Review,
    Share,
    TestResult,
    ToReview,
)
from timbre.client.awaiting import AsyncClient
from timbre.client.blocking import Client
from timbre.client.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NoAnswer,
    NotFound,
    ServiceError,
    StillRunning,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "AsyncClient",
    "AuditEntry",
    "ClassMetrics",
    "Client",
    "Clip",
    "Compared",
    "Comparison",
    "Conflict",
    "EvalMetrics",
    "Forbidden",
    "Gone",
    "Invalid",
    "Job",
    "LabelPerformance",
    "Model",
    "NoAnswer",
    "NotFound",
    "Page",
    "Performance",
    "Rates",
    "Review",
    "ServiceError",
    "Share",
    "StillRunning",
    "TestResult",
    "TimedOut",
    "ToReview",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
]
