#!/usr/bin/env bash
# The whole journey against the demo server: in the browser where there is one, otherwise in the terminal alone.
set -euo pipefail
cd "$(dirname "$0")/.."
exec target/debug/omlx mcp demo "$@"
