"""The service as a container image: the tagger in production, the packages it needs, and nothing of the machine that built it."""
