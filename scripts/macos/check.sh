#!/usr/bin/env bash
# Checks the Rust code for macOS: on a Mac with its own tools, on Debian (x86_64) without Apple's SDK.
#   scripts/macos/check.sh [clippy|check|build|…] [cargo's arguments]      default: clippy --workspace --all-targets
# On Debian a second toolchain is unpacked, never installed, under MACOS_CHECK_HOME: rustc with the sources of its
# standard library, which is built once for the target, and zig as the C compiler. What this proves, and what it
# cannot, is in docs/macos.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- clippy --workspace --all-targets --quiet -- -D warnings
[ "$(uname)" != Darwin ] || exec cargo "$@"

export MACOS_CHECK_TARGET="${MACOS_CHECK_TARGET:-aarch64-apple-darwin}"
export MACOS_CHECK_HOME="${MACOS_CHECK_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/omlx-connect-macos}"
readonly host=x86_64-unknown-linux-gnu zig_version=0.17.1 target=$MACOS_CHECK_TARGET tools=$MACOS_CHECK_HOME
readonly toolchain=$tools/toolchain
[ "$(uname -m)" = x86_64 ] && command -v apt-get >/dev/null && command -v rustc >/dev/null ||
  { echo "checking for macOS needs a Mac, or Debian on x86_64 with rustup's Rust" >&2; exit 2; }
rustup_root=$(rustc --print sysroot)
mkdir -p "$tools/sdk"
exec 9>"$tools/lock"
flock 9

unpack_toolchain() {
  [ ! -e "$toolchain/.done" ] || return 0
  echo 'unpacking a Rust toolchain with its sources (once, about a minute and 1 GB)' >&2
  local packages=$tools/packages root=$tools/root runtime llvm
  rm -rf "$packages" "$root" "$toolchain"
  mkdir -p "$packages" "$toolchain"/{bin,lib}
  runtime=$(apt-cache depends libstd-rust-web-dev | grep -om1 -E 'libstd-rust-web-[0-9.]+$')
  llvm=$(apt-cache depends "$runtime" | grep -om1 -E 'libllvm[0-9.]+')
  (cd "$packages" && apt-get download -qq rustc-web libstd-rust-web-dev rust-web-clippy rust-web-src "$runtime" "$llvm")
  for package in "$packages"/*.deb; do dpkg -x "$package" "$root"; done
  mv "$root"/usr/bin/* "$toolchain/bin/"
  mv "$root"/usr/lib/x86_64-linux-gnu/*.so* "$root/usr/lib/rustlib" "$toolchain/lib/"
  rm "$toolchain/lib/rustlib/src/rust"
  mkdir "$toolchain/lib/rustlib/src/rust"
  mv "$root"/usr/src/rustc-*/library "$toolchain/lib/rustlib/src/rust/"
  ln -s "$rustup_root/bin/cargo" "$toolchain/bin/cargo"
  ln -s "$rustup_root/lib/rustlib/$host/bin" "$toolchain/lib/rustlib/$host/bin"
  rm -rf "$packages" "$root"
  touch "$toolchain/.done"
}

get_zig() {
  [ -x "$tools/zig/ziglang/zig" ] ||
    python3 -m pip install -q --root-user-action=ignore --target "$tools/zig" "ziglang==$zig_version"
}

# Into the toolchain's own folder, so that the unstable build of it is needed this once only.
build_standard_library() {
  local folder=$toolchain/lib/rustlib/$target seed=$tools/seed
  [ ! -e "$folder/.done" ] || return 0
  echo "building the standard library for $target (once)" >&2
  rm -rf "$seed"
  mkdir -p "$folder/lib"
  cargo init -q --lib --vcs none --name seed "$seed"
  (cd "$seed" && RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$seed/target \
    cargo check -q -Zbuild-std=std,panic_abort,test --target "$target")
  cp "$seed/target/$target"/debug/deps/lib*.rlib "$folder/lib/"
  rm -rf "$seed"
  touch "$folder/.done"
}

place_compilers() {
  install -m 755 scripts/macos/cc.py "$tools/cc"
  install -m 755 scripts/macos/cc.py "$tools/c++"
  install -m 755 scripts/macos/ld.py "$tools/ld"
  printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$tools/zig/ziglang/zig" > "$tools/ar"
  chmod 755 "$tools/ar"
}

unpack_toolchain
export PATH="$toolchain/bin:$PATH" LD_LIBRARY_PATH="$toolchain/lib"
unset RUSTUP_TOOLCHAIN RUSTC RUSTFLAGS
get_zig
build_standard_library
place_compilers
flock -u 9

underscored=${target//-/_}
export "CC_$underscored=$tools/cc" "CXX_$underscored=$tools/c++" "AR_$underscored=$tools/ar"
export "CARGO_TARGET_${underscored^^}_LINKER=$tools/ld" "CARGO_TARGET_${underscored^^}_RUSTFLAGS=-Clinker-flavor=ld64.lld"
export SDKROOT="$tools/sdk" ZIG_GLOBAL_CACHE_DIR="$tools/zig-cache"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$tools/target}" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=none
outcome=0
cargo "$1" --target "$target" "${@:2}" || outcome=$?
[ ! -s "$tools/objective-c.log" ] ||
  { echo 'Objective-C left out, because it needs headers of Apple:'; sort -u "$tools/objective-c.log"; } >&2
exit $outcome
