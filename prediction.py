"""`zenml pipeline run prediction` finds the pipeline here."""

import sys

from pipelines.prediction import prediction

sys.modules[__name__] = prediction  # type: ignore[assignment]
