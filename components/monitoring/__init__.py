"""Watching what is served: the prediction log against the reference of the tagger that made it."""

from components.monitoring.drift import drift
from components.monitoring.verdict import Check, DriftVerdict, Finding

__all__ = ["Check", "DriftVerdict", "Finding", "drift"]
