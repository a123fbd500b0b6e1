#!/usr/bin/env bash
# How many instructions one call through the gateway takes, beside the forwarder that only copies bytes. Unlike seconds
# they are the same on a busy machine. Takes what `scripts/bench.sh` built; needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "left out: valgrind is not installed" >&2; exit 0; }
bench=target/release/bench-gateway
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

# A program's first line says where it listens.
listening() {
  local lines=$1 url=
  until url=$(head -n 1 "$lines" 2>/dev/null) && [ -n "$url" ]; do sleep 0.1; done
  printf '%s' "$url"
}

# instructions CALLS KEY PROGRAM WORDS…: of that many calls, start and end included.
instructions() {
  local calls=$1 key=$2 program url
  shift 2
  valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.out" --log-file="$work/log" "$@" >"$work/url" 2>/dev/null &
  program=$!
  url=$(listening "$work/url")
  "$bench" calls "$calls" "$url" ${key:+"$key"}
  kill -TERM "$program"
  wait "$program" || true
  : >"$work/url"
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/log"
}

# per_call WHAT KEY PROGRAM WORDS…
per_call() {
  local what=$1 key=$2 few many
  shift 2
  few=$(instructions 200 "$key" "$@")
  many=$(instructions 1200 "$key" "$@")
  printf '%-36s %10s\n' "instructions per call, $what" $(((many - few) / 1000))
}

"$bench" upstream >"$work/upstream" & started+=($!)
upstream=$(listening "$work/upstream")
export OMLX_MCP_CONFIG=$work/mcp.json OMLX_CONNECT_HOME=$work/home OMLX_CONNECT_KEYCHAIN=off
printf '{"servers":{"bench":{"transport":"streamable-http","url":"%s"}}}' "$upstream" >"$OMLX_MCP_CONFIG"
key=$(target/release/omlx-measured mcp access add bench 2>/dev/null)
per_call 'floor' '' "$bench" floor-proxy "$upstream"
per_call 'gateway' "$key" target/release/omlx-measured mcp serve --port 0
