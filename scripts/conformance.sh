#!/usr/bin/env bash
# The official MCP conformance suite against the product's own path; see tests/conformance.
set -euo pipefail
cd "$(dirname "$0")/.."
node=tests/interop/node_modules/.bin/node
[ -x "$node" ] || { echo "the Node packages are missing: run \`scripts/setup.sh node\` first" >&2; exit 2; }
cargo build --quiet -p omlx-tests --bin conformance-client
"$node" tests/conformance/run.mjs "$PWD/target/debug/conformance-client" "$@"
