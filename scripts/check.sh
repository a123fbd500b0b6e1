#!/usr/bin/env bash
# The gate, the same by hand and in CI. A tool that is missing is named, never passed over in silence.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n── %s\n' "$1"; shift; "$@"; }
optional() {
  local tool=$1; shift
  if command -v "$tool" >/dev/null; then step "$tool" "$@"; else printf '\n── %s is not installed: left out\n' "$tool"; fi
}

step rustfmt cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets --quiet -- -D warnings
RUSTDOCFLAGS='-D warnings' step rustdoc cargo doc --workspace --no-deps --document-private-items --quiet
optional cargo-deny cargo deny --log-level error check licenses bans sources
# From PyPI where the setup has brought it (tests/interop/requirements.txt).
PATH="$PWD/tests/interop/.venv/bin:$PATH" optional typos typos
step sizes scripts/sizes.sh
