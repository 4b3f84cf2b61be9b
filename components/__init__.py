"""The science of Timbre, plain Python and PyTorch: it knows no ZenML, no BentoML and no web."""
