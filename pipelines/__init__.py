"""The order of work, one file a pipeline, wiring only."""
