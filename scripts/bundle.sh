#!/usr/bin/env bash
# The app as it is handed to people: a .app and .dmg on a Mac, packages on Linux, in target/release/bundle. Arguments go
# to `tauri build`, `--bundles deb` for example. Signing wants the variables that docs/macos.md names.
set -euo pipefail
cd "$(dirname "$0")/../src-tauri"
# Not a dependency of the panel: one lock file cannot hold its executable for every system, and only this script wants it.
npm exec --yes --package @tauri-apps/cli@2.12.5 -- tauri build "$@"
cd ../target/release/bundle
find . -maxdepth 2 \( -name '*.deb' -o -name '*.rpm' -o -name '*.AppImage' -o -name '*.dmg' -o -name '*.app' \) -exec du -sh {} +
