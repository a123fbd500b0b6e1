#!/usr/bin/env bash
# Every test there is, each with its own runner's summary.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n── %s\n' "$1"; shift; "$@"; }

step 'core, command line, scenarios, interop' cargo nextest run --workspace --no-fail-fast
step 'the app, end to end' scripts/e2e.sh
step 'MCP conformance suite' scripts/conformance.sh
step 'panel: types and style' npm --prefix ui run --silent check
step 'panel: units' npm --prefix ui run --silent test
if command -v chromium >/dev/null; then
  step 'panel: in a browser' npm --prefix ui run --silent test:browser
else
  printf '\n── panel: in a browser: left out, there is no Chromium\n'
fi
