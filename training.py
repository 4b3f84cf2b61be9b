"""`zenml pipeline run training` finds the pipeline here."""

import sys

from pipelines.training import training

sys.modules[__name__] = training  # type: ignore[assignment]
