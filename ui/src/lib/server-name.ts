// A name for a server that is known only by its URL.

/** Labels that say what a host is for, or where it is registered, but not whose it is. */
const GENERIC = new Set([
  "mcp",
  "api",
  "www",
  "server",
  "app",
  "sse",
  "remote",
  "tools",
  "co",
  "com",
  "org",
  "net",
]);

/** `https://mcp.notion.com/mcp` → `notion`, made unique among `taken`. */
export function suggestedName(url: string, taken: readonly string[]): string {
  const parsed = parseServerUrl(url);
  return parsed ? unique(baseName(parsed), taken) : "";
}

/** Null for what no server can be reached at: only https, or http on this machine or network. */
export function parseServerUrl(text: string): URL | null {
  try {
    const url = new URL(text.trim());
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function baseName({ hostname }: URL): string {
  if (/^[\d.]+$|^\[/.test(hostname) || hostname === "localhost") return "local";
  const labels = hostname.split(".");
  const owner = labels.slice(0, -1).filter((label) => !GENERIC.has(label));
  return owner.at(-1) ?? labels[0] ?? hostname;
}

export function unique(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  let number = 2;
  while (taken.includes(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

/** A host without its path, for a line that has little room. */
export function hostOf(url: string): string {
  return parseServerUrl(url)?.host ?? url;
}
