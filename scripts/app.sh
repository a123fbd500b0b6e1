#!/usr/bin/env bash
# Builds the menu bar app with the panel inside it: target/debug/omlx-connect. Arguments go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
# Without assets it is the page that stands in for the panel where only Rust was built.
[ -d ui/dist/assets ] && [ ui/dist/index.html -nt ui/package-lock.json ] && [ -z "$(find ui/src ui/index.html ui/vite.config.ts -newer ui/dist/index.html -print -quit)" ] ||
  npm --prefix ui run --silent build
cargo build --quiet -p omlx-connect "$@"
