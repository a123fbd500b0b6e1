// The list at the left: which servers match, and where a key press leads.

import type { ServerId, ServerSnapshot } from "./bindings";
import { needsAttention } from "./status";

/** Every word must be found somewhere in what the row or the page shows of the server. */
export function matching(servers: readonly ServerSnapshot[], query: string): ServerSnapshot[] {
  const words = folded(query).split(/\s+/).filter(Boolean);
  return servers.filter((server) => {
    const text = folded(searchable(server));
    return words.every((word) => text.includes(word));
  });
}

function searchable({ id, url, provider, account, workspace }: ServerSnapshot): string {
  return [id, url, provider, account, workspace].filter((part) => part !== null).join("\n");
}

function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

export type ListKey = "ArrowUp" | "ArrowDown" | "Home" | "End" | "PageUp" | "PageDown";

const LIST_STEP: Readonly<Record<ListKey, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -10,
  PageDown: 10,
  Home: -Infinity,
  End: Infinity,
};

export function isListKey(key: string): key is ListKey {
  return key in LIST_STEP;
}

/** Where a key leads from `current`; the ends hold. */
export function neighbour(ids: readonly ServerId[], current: ServerId | null, key: ListKey): ServerId | null {
  if (ids.length === 0) return null;
  const last = ids.length - 1;
  const index = current === null ? -1 : ids.indexOf(current);
  if (index < 0) return ids[key === "ArrowUp" || key === "End" ? last : 0] ?? null;
  return ids[Math.min(last, Math.max(0, index + LIST_STEP[key]))] ?? null;
}

/** The next server, going round, whose name begins with what was typed. */
export function typedAhead(
  ids: readonly ServerId[],
  current: ServerId | null,
  typed: string,
): ServerId | null {
  const start = current === null ? 0 : Math.max(0, ids.indexOf(current)) + (typed.length > 1 ? 0 : 1);
  const round = [...ids.slice(start), ...ids.slice(0, start)];
  return round.find((id) => folded(id).startsWith(folded(typed))) ?? null;
}

/** The next server, going round, that waits for a person. */
export function nextNeedy(servers: readonly ServerSnapshot[], current: ServerId | null): ServerId | null {
  const index = servers.findIndex(({ id }) => id === current);
  const round = [...servers.slice(index + 1), ...servers.slice(0, index + 1)];
  return round.find(needsAttention)?.id ?? null;
}

/** What stays selected when the servers change: the same one, else the one that took its place. */
export function keptSelection(
  before: readonly ServerId[],
  after: readonly ServerId[],
  selected: ServerId | null,
): ServerId | null {
  if (selected !== null && after.includes(selected)) return selected;
  const place = selected === null ? 0 : Math.max(0, before.indexOf(selected));
  return after[Math.min(place, after.length - 1)] ?? null;
}
