#!/usr/bin/env bash
# What others use in the bridge's place, for `make bench` alone: into target/peers, and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/peers
mkdir -p "$folder"
[ -d "$folder/node_modules/supergateway" ] ||
  npm install --silent --no-audit --no-fund --prefix "$folder" supergateway@4.0.0
[ -x "$folder/python/bin/mcp-proxy" ] || {
  tests/interop/.venv/bin/python -m venv "$folder/python"
  "$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check mcp-proxy==0.13.0
}
