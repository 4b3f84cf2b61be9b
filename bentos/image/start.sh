#!/bin/sh
# The image's entry: `serve` (or nothing, or flags) starts the service; anything else runs as a command, such as `timbre keys create NAME`.
set -eu
if [ "${TIMBRE_AUTH:-required}" != required ]; then
  echo "TIMBRE_AUTH=$TIMBRE_AUTH is for callers on the same machine, and an image listens to all: leave it out and make a key with 'timbre keys create NAME'" >&2
  exit 2
fi
case "${1:-}" in
  serve) shift ;;
  "" | -*) ;;
  *) exec "$@" ;;
esac
keys=$(timbre keys list 2>/dev/null || true)
case "$keys" in
  "no API keys"*) echo "$keys" >&2 ;;
esac
exec bentoml serve "$@" "$BENTO_PATH"
