"""The small thing that steps hand to each other instead of the samples."""

from pydantic import BaseModel, ConfigDict


class StoreRef(BaseModel):
    """Which stored clips: two equal digests mean the same clips, labels and splits, decoded in the same way.

    Attributes:
        uri: the folder, relative to the store's root.
        digest: sha256 of the stored clips' manifest and of the settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    digest: str
