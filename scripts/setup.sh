#!/usr/bin/env bash
# Installs what is missing and nothing else: setup.sh rust|node|python|browser|keychain|desktop|e2e …
# Debian packages need root or sudo; on a Mac, Homebrew. What cannot be installed is named, with what it is for.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi; }

apt_updated=
apt_install() {
  command -v apt-get >/dev/null || return 1
  [ -n "$apt_updated" ] || { as_root apt-get update -qq && apt_updated=1; }
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

rust() {
  command -v cargo >/dev/null || { say "Rust is missing: https://rustup.rs installs it"; exit 1; }
  command -v cc >/dev/null || { say "installing a C compiler"; apt_install build-essential || { say "a C compiler is missing"; exit 1; }; }
}

nextest() {
  command -v cargo-nextest >/dev/null && return 0
  say "installing cargo-nextest (once, some minutes)"
  cargo install --quiet --locked cargo-nextest
}

# Debian's Node may be older than 22, which the interop counterparts need; npm brings the right one along.
node() {
  command -v npm >/dev/null || apt_install nodejs npm || { say "Node.js is missing: https://nodejs.org"; exit 1; }
  local folder
  for folder in tests/interop ui; do
    [ -f "$folder/package-lock.json" ] || continue
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && continue
    say "installing the Node packages of $folder"
    (cd "$folder" && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json)
  done
}

# A Python of the counterparts' own. Debian's comes without what makes one; a Mac's own is older than they want.
python() {
  local folder=tests/interop program
  [ "$folder/.venv/.installed" -nt "$folder/requirements.txt" ] && return 0
  for program in python3 python3.14 python3.13 python3.12 python3.11; do
    python_is_enough "$program" && break
  done
  if ! python_is_enough "$program"; then
    program=python3
    apt_install python3-venv || brew install --quiet python3 || true
    python_is_enough "$program" || { say "Python 3.11 or newer is missing: https://www.python.org"; exit 1; }
  fi
  say "installing the Python packages of $folder"
  rm -rf "$folder/.venv"
  "$program" -m venv "$folder/.venv"
  "$folder/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement "$folder/requirements.txt"
  touch "$folder/.venv/.installed"
}

python_is_enough() {
  "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# A real browser for the scenarios that press a real button.
browser() {
  [ "$(uname)" = Linux ] || return 0
  command -v chromium >/dev/null && return 0
  say "installing Chromium"
  apt_install chromium || say "Chromium could not be installed: the browser scenarios will say they were left out"
}

# A real Secret Service for the keychain tests.
keychain() {
  [ "$(uname)" = Linux ] || return 0
  command -v gnome-keyring-daemon >/dev/null && command -v dbus-daemon >/dev/null && return 0
  say "installing dbus and gnome-keyring"
  apt_install dbus gnome-keyring || say "no keychain could be installed: its tests will say they were left out"
}

# What the app is built with on Linux.
desktop() {
  [ "$(uname)" = Linux ] || return 0
  pkg-config --exists webkit2gtk-4.1 ayatana-appindicator3-0.1 librsvg-2.0 dbus-1 2>/dev/null && return 0
  say "installing the libraries of the app's window and tray"
  apt_install pkg-config libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev libdbus-1-dev ||
    { say "the app cannot be built without webkit2gtk-4.1, ayatana-appindicator3, librsvg and dbus"; exit 1; }
}

# A screen, a session and a person for the app's end-to-end scenarios.
e2e() {
  [ "$(uname)" = Linux ] || return 0
  local program missing=
  for program in Xvfb openbox wmctrl dbus-daemon gnome-keyring-daemon WebKitWebDriver chromedriver chromium import \
    xdg-open gio update-desktop-database xdotool; do
    command -v "$program" >/dev/null || missing+=" $program"
  done
  [ -n "$missing" ] || return 0
  say "installing what the end-to-end scenarios need:$missing"
  apt_install xvfb openbox wmctrl dbus gnome-keyring webkit2gtk-driver chromium chromium-driver imagemagick \
    xdg-utils libglib2.0-bin desktop-file-utils xdotool gcr ||
    say "not all of it could be installed: the end-to-end scenarios will say they were left out"
}

for part in "$@"; do "$part"; done
