"""What ZenML is told of images: on other machines they hold the code already."""

from zenml.config.docker_settings import DockerSettings

IN_IMAGE = DockerSettings(
    allow_including_files_in_images=False, allow_download_from_code_repository=False, allow_download_from_artifact_store=False
)
