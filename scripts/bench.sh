#!/usr/bin/env bash
# Builds what is measured as it is shipped, and prints figures and ratios of one run. With --peers, beside the bridge
# also what others use in its place.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release -p omlx-cli
cp target/release/omlx target/release/omlx-measured
cargo build --quiet --release -p omlx-tests --bin bench --bin callers --bin bench-gateway
target/release/bench "$PWD/target/release/omlx-measured"
target/release/bench-gateway "$PWD/target/release/omlx-measured"
scripts/instructions.sh
if [ "${1:-}" = --peers ]; then
  node=tests/interop/node_modules/.bin/node
  [ -x "$node" ] || node=node
  scripts/peers.sh || echo 'not all of the others could be installed: they are left out' >&2
  "$node" tests/interop/peers.mjs target/release/omlx-measured target/peers
fi
printf '%-36s %10s\n' 'command line binary' "$(du -k target/release/omlx-measured | awk '{printf "%.1f MB", $1/1024}')"

# The app, where a desktop can be had without a screen.
if [ "$(uname)" = Linux ] && command -v Xvfb >/dev/null && command -v WebKitWebDriver >/dev/null; then
  scripts/app.sh --release
  cargo build --quiet --release -p omlx-tests --bin bench-app
  OMLX_CONNECT_APP=$PWD/target/release/omlx-connect target/release/bench-app
  printf '%-36s %10s\n' 'app binary' "$(du -k target/release/omlx-connect | awk '{printf "%.1f MB", $1/1024}')"
fi
