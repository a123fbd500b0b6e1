#!/usr/bin/env bash
# Makes docs/screenshots/app: the real panel on a desktop of its own, light at the left, dark at the right.
# The pictures of every state in docs/screenshots itself are made from the panel alone: npm --prefix ui run screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in convert pngquant; do
  command -v "$program" >/dev/null || { echo "$program is missing: Debian's packages imagemagick and pngquant have them" >&2; exit 2; }
done
scripts/e2e.sh --run-ignored only pictures::
