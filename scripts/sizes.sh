#!/usr/bin/env bash
# No source file over 600 lines: a file that long owns more than one thing.
set -euo pipefail
cd "$(dirname "$0")/.."
long=$(git ls-files '*.rs' '*.ts' '*.svelte' '*.mjs' | grep -v bindings.ts | xargs wc -l | awk '$2 != "total" && $1 > 600 {print "  " $2 ": " $1 " lines"}')
[ -z "$long" ] || { printf 'over 600 lines:\n%s\n' "$long"; exit 1; }
