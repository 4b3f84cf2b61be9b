"""The one place that imports Lightning, after what it needs to load beside a torch of another build."""

from unittest.mock import patch

from lightning_utilities.core.imports import RequirementCache

from components.torch_builds import match_builds

match_builds()
_met = RequirementCache.__bool__

# For metrics of text, torchmetrics loads transformers where they are installed: seconds of every training, for nothing.
with patch.object(RequirementCache, "__bool__", lambda self: "transformers" not in (self.requirement or "") and _met(self)):
    import lightning.pytorch as pl
    from lightning.fabric.plugins.environments import LightningEnvironment
    from lightning.fabric.utilities.warnings import PossibleUserWarning
    from lightning.pytorch.strategies import DDPStrategy

__all__ = ["DDPStrategy", "LightningEnvironment", "PossibleUserWarning", "pl"]
