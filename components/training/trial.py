"""A training whose tagger is judged and then left: a fold, a repetition, a step of a search."""

from components.config import Config


def as_trial(config: Config) -> Config:
    """The recipe without what only a tagger that serves pays back: engines are not measured where the choice is free."""
    engine = "torch" if config.training.engine == "auto" else config.training.engine
    return config.model_copy(update={"training": config.training.model_copy(update={"engine": engine})})
