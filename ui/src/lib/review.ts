// Tools that are held back, as they are reviewed: the same change for several apps is read once.

import type { HeldMark, HeldTool, ServerId } from "./bindings";

export type Change = Omit<HeldTool, "client"> & {
  /** The apps it is held back from. */
  clients: string[];
};

/** By server, then by tool; what differs in what was approved or in what came is another change. */
export function changesOf(held: readonly HeldTool[], server: ServerId | null): Change[] {
  const changes = new Map<string, Change>();
  for (const { client, ...tool } of held) {
    if (server !== null && tool.server !== server) continue;
    const key = keyOf(tool);
    const known = changes.get(key);
    if (known) known.clients.push(client);
    else changes.set(key, { ...tool, clients: [client] });
  }
  return [...changes.values()].sort(
    (one, other) => compare(one.server, other.server) || compare(one.tool, other.tool),
  );
}

/** How many tools are held back, whoever from. */
export function toolCount(held: readonly Pick<HeldMark, "server" | "tool">[]): number {
  return new Set(held.map(({ server, tool }) => JSON.stringify([server, tool]))).size;
}

/** Tells one change from every other. */
export function keyOf({ server, tool, version, diff }: Omit<HeldTool, "client">): string {
  return JSON.stringify([server, tool, version, diff]);
}

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
