#!/usr/bin/env bash
# The official MCP conformance suite against the product's own path; see tests/conformance and docs/conformance.md.
#
#   conformance.sh [RUN …]               the client scenarios
#   conformance.sh server [REVISION …]   the server scenarios; without any word, all of both
set -euo pipefail
cd "$(dirname "$0")/.."
node=tests/interop/node_modules/.bin/node
[ -x "$node" ] || { echo "the Node packages are missing: run \`scripts/setup.sh node\` first" >&2; exit 2; }
if [ "${1-}" != server ]; then
  cargo build --quiet -p omlx-tests --bin conformance-client
  "$node" tests/conformance/run.mjs "$PWD/target/debug/conformance-client" "$@"
fi
if [ $# = 0 ] || [ "$1" = server ]; then
  cargo build --quiet -p omlx-tests --bin omlx-under-test
  "$node" tests/conformance/server.mjs "$PWD/target/debug/omlx-under-test" "${@:2}"
fi
