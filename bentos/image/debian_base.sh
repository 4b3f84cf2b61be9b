#!/bin/sh
# A base image from Debian's packages alone, for where no container registry is reached: bentos/image/debian_base.sh [TAG]
set -eu
tag=${1:-localhost/timbre-debian:bookworm}
tar=$(mktemp --suffix=.tar)
trap 'rm -f "$tar"' EXIT
mmdebstrap --quiet --variant=minbase --include=python3.11-venv,ca-certificates \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  bookworm "$tar"
podman import --quiet "$tar" "$tag"
