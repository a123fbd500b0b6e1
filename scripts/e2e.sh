#!/usr/bin/env bash
# The menu bar app end to end on a desktop of its own: builds the app as it is shipped to the tests, then plays every
# scenario. Arguments go to nextest. What a scenario that failed leaves to look at is in target/e2e.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(uname)" = Linux ] || { echo "left out: a desktop without a screen is to be had on Linux only" >&2; exit 0; }
for program in Xvfb openbox wmctrl import dbus-daemon gnome-keyring-daemon WebKitWebDriver chromedriver chromium \
    xdg-open gio update-desktop-database xdotool; do
  command -v "$program" >/dev/null || { echo "left out: no $program; \`scripts/setup.sh e2e\` installs it" >&2; exit 0; }
done
scripts/app.sh
cargo nextest run --profile e2e -p omlx-tests "$@"
