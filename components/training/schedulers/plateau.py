"""PLATEAU: the rate falls when val stops getting better."""

from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from components.errors import ConfigError


def plateau(
    optimizer: Optimizer,
    val_every_steps: int,
    metric: str = "VAL_F1",
    watch: Literal["val_f1", "val_map", "val_hamming"] | None = None,
    factor: float = 0.5,
    patience_validations: int = 3,
    min_lr: float = 0.0,
) -> dict[str, Any]:
    """Start at the optimizer's rate and multiply it by `factor` when more than `patience_validations` in a row bring no new best.

    Args:
        val_every_steps: how often there is a validation.
        metric: what the training's best weights are best at, `training.metric`.
        watch: which of val's numbers; none: that of `metric`.
        min_lr: the rate goes no lower.
    Raises:
        ConfigError: if a parameter makes no sense.
    """
    if not 0 < factor < 1 or patience_validations < 0:
        raise ConfigError(
            f"scheduler PLATEAU: factor {factor} must lie between 0 and 1 and patience_validations {patience_validations} be 0 or more"
        )
    watched = watch or metric.lower()
    mode: Literal["min", "max"] = "min" if watched == "val_hamming" else "max"
    scheduler = ReduceLROnPlateau(optimizer, mode, factor=factor, patience=patience_validations, min_lr=min_lr)
    return {"scheduler": scheduler, "interval": "step", "frequency": val_every_steps, "monitor": watched}
