#!/usr/bin/env bash
# The product beside a demo server that waits for a sign-in: the app where there is a display, the terminal where not.
# Everything is kept in a folder that is thrown away; Ctrl-C, or Quit in the menu, ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

has_display() { [ "$(uname)" = Darwin ] && [ -z "${SSH_CONNECTION:-}" ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

if ! has_display || [ $# -gt 0 ]; then
  cargo build --quiet -p omlx-cli
  exec target/debug/omlx mcp demo "$@"
fi

scripts/setup.sh desktop node
scripts/app.sh
cargo build --quiet -p omlx-cli
folder=$(mktemp -d)
export OMLX_CONNECT_HOME="$folder/data" OMLX_MCP_CONFIG="$folder/mcp.json" OMLX_CONNECT_KEYCHAIN=off
target/debug/omlx mcp demo --add --serve=waiting &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; rm -rf "$folder"' EXIT
until [ -s "$OMLX_MCP_CONFIG" ]; do
  kill -0 "$demo" 2>/dev/null || { echo "the demo server did not start" >&2; exit 1; }
  sleep 0.1
done
target/debug/omlx-connect --panel
