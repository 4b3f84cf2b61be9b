"""Learning-rate schedules by name.

A builder takes what it needs of `optimizer, steps, lr, lr_max, val_every_steps, metric` and returns what Lightning calls an
`lr_scheduler` mapping: the scheduler, how often it steps, and the number that it watches (`val_f1`, `val_map`, `val_hamming`), if any.
"""

from collections.abc import Callable
from typing import Any

from components.training.schedulers.cosine import cosine_annealing
from components.training.schedulers.onecycle import onecycle
from components.training.schedulers.plateau import plateau

SCHEDULERS: dict[str, Callable[..., dict[str, Any]]] = {
    "ONECYCLE": onecycle,
    "PLATEAU": plateau,
    "COSINEANNEALING": cosine_annealing,
    "AUTO_LR": onecycle,  # at the rates that `range_test.settle_rates` has found by then
}
