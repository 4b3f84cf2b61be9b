"""The one place that imports Lightning, after what it needs to load beside a torch of another build."""

from components.torch_builds import match_builds

match_builds()

import lightning.pytorch as pl  # noqa: E402
from lightning.fabric.plugins.environments import LightningEnvironment  # noqa: E402
from lightning.fabric.utilities.warnings import PossibleUserWarning  # noqa: E402
from lightning.pytorch.strategies import DDPStrategy  # noqa: E402

__all__ = ["DDPStrategy", "LightningEnvironment", "PossibleUserWarning", "pl"]
