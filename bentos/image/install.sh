#!/bin/sh
# In a build: the pinned packages into /app/.venv, with an installer that leaves nothing behind.
set -eu
if [ -s /run/secrets/ca ]; then
  export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca
fi
if ls /wheels/*.whl >/dev/null 2>&1; then
  from="--find-links /wheels"
elif [ "$VARIANT" = cpu ]; then
  from="--torch-backend cpu"
else
  from=""
fi
export UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1
python3.11 -m venv /opt/uv
/opt/uv/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
/opt/uv/bin/uv venv --quiet --python "$(command -v python3.11)" /app/.venv
# shellcheck disable=SC2086 # an option and its value
/opt/uv/bin/uv pip install --python /app/.venv/bin/python --no-deps $from --requirement /app/requirements.txt
printf '#!/app/.venv/bin/python\nfrom timbre.cli import main\n\nmain()\n' >/app/.venv/bin/timbre
chmod 755 /app/.venv/bin/timbre
rm -rf /opt/uv
