#!/usr/bin/env bash
# Every test there is, each with its own runner's summary.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo nextest run --workspace --no-fail-fast
cargo test --workspace --doc --quiet
