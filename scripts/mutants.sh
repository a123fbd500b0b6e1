#!/usr/bin/env bash
# Seeds each wrong behaviour of tests/mutants once, in a copy of what is committed, and demands that the tests it names
# catch it. `scripts/mutants.sh NAME…` seeds only those. Slow: every one is a build. The table is for docs/mutants.md.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=target/mutants/copy build=$PWD/target/mutants/build log=$PWD/target/mutants/log
rm -rf "$copy"
mkdir -p "$copy" "$log"
git archive HEAD | tar -x -C "$copy"

# What was built of the dependencies is the same here; only what is ours is built anew.
if [ ! -d "$build" ] && [ -d target/debug/.fingerprint ]; then
  mkdir -p "$build/debug"
  cp -al target/debug/deps target/debug/build "$build/debug/"
  cp -a target/debug/.fingerprint "$build/debug/"
  find "$build/debug/deps" -maxdepth 1 -regex '.*/\(lib\)?\(omlx\|scenarios\|callers\|bench\|conformance\|process\|demo\).*' -delete
  rm -rf "$build"/debug/.fingerprint/omlx* "$build"/debug/build/omlx*
fi

head_of() { sed -n "s/^$2: //p" "$1"; }
try() { # the tests that match $1; 0 passed, 100 failed, anything else is no verdict
  (cd "$copy" && CARGO_TARGET_DIR=$build cargo nextest run -p omlx-tests --no-fail-fast --retries 1 -E "test(/$1/)") >"$log/$2.txt" 2>&1
}

if [ $# -gt 0 ]; then patches=("${@/#/tests/mutants/}"); patches=("${patches[@]/%/.patch}"); else patches=(tests/mutants/*.patch); fi
all=$(for patch in "${patches[@]}"; do head_of "$patch" 'Caught by'; done | paste -sd'|')
echo "── ${#patches[@]} mutants; first the tests without any" >&2
try "$all" unspoilt || { echo "the tests fail without a mutant: $log/unspoilt.txt" >&2; exit 1; }

survivors=0
printf '| mutant | what is wrong in it | caught by | |\n|---|---|---|---|\n'
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch) tests=$(head_of "$patch" 'Caught by')
  git apply -C1 --directory="$copy" "$patch"
  code=0; try "$tests" "$name" || code=$?
  git apply -C1 -R --directory="$copy" "$patch"
  case $code in
    100) verdict=caught ;;
    0) verdict='**survived**'; survivors=$((survivors + 1)) ;;
    *) verdict='**does not build**'; survivors=$((survivors + 1)) ;;
  esac
  printf '| %s | %s | `%s` | %s |\n' "$name" "$(head_of "$patch" Wrong)" "${tests//|/\`, \`}" "$verdict"
done
[ "$survivors" = 0 ] || { echo "$survivors not caught; see $log" >&2; exit 1; }
