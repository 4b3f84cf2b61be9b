#!/bin/sh
# The worker image's entry: nothing, or flags, start `timbre worker`; anything else runs as a command. It works in its volume, where configs/ comes too.
set -eu
[ -e configs ] || ln -sfn /app/src/configs configs
case "${1:-}" in
  "" | -*) exec timbre worker "$@" ;;
  *) exec "$@" ;;
esac
