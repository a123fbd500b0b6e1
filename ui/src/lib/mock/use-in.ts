// "Use in…" of the backend in memory.

import type { DiffLine, NamingEntry, NotRenamed, ServerId, UseInNote, UseInPreview } from "../bindings";
import { CLIENT_APPS } from "./content";
import { IMPORT_SOURCES } from "./imports";
import { problem } from "./servers";

const ZED = "~/.config/zed/settings.json";

/** Two apps were given this server. */
const LENT: ServerId = "linear";

export function stillNamed(id: ServerId): NamingEntry[] {
  if (id !== LENT) return [];
  return [
    { client: "cursor", name: "Cursor", path: "~/.cursor/mcp.json", entry: id },
    { client: "zed", name: "Zed", path: ZED, entry: id },
  ];
}

export function notRenamed(id: ServerId): NotRenamed[] {
  if (id !== LENT) return [];
  return [{ client: "Zed", cause: problem("client_config_read_only", `${ZED} is read-only`, "none") }];
}

export function useInPreview(client: string, id: ServerId | null): UseInPreview {
  const path = IMPORT_SOURCES.find((source) => source.id === client)?.path ?? "~/.config/mcp.json";
  const name = id ?? "omlx-connect";
  const exists = CLIENT_APPS.some((app) => app.id === client && app.installed);
  const present = client === "omlx";
  const way: UseInPreview["way"] = id === null && client !== "claude-desktop" ? "gateway" : "bridge";
  const shown = {
    client,
    path,
    exists,
    present,
    way,
    notes: notes(client, path, id),
  } satisfies Partial<UseInPreview>;
  if (client === "codex") return { ...shown, snippet: toml(name, id), diff: added(toml(name, id)) };
  const entry = way === "gateway" ? remote(name) : json(name, id);
  return {
    ...shown,
    snippet: `{\n  "mcpServers": {\n${entry}\n  }\n}`,
    diff: jsonDiff(entry, exists),
  };
}

function notes(client: string, path: string, id: ServerId | null): UseInNote[] {
  const name = CLIENT_APPS.find((app) => app.id === client)?.name ?? client;
  const told: UseInNote[] = [];
  if (client === "omlx") told.push({ code: "omlx_looks_elsewhere", path });
  else told.push({ code: "restart_client", client: name });
  if (id === null && client === "claude-desktop") told.push({ code: "later_servers", client: name });
  return told;
}

const args = (id: ServerId | null): string =>
  JSON.stringify(id === null ? ["mcp", "bridge"] : ["mcp", "bridge", id]);

function json(name: string, id: ServerId | null): string {
  return [
    `    ${JSON.stringify(name)}: {`,
    `      "command": "omlx",`,
    `      "args": ${args(id).replaceAll(",", ", ")}`,
    `    }`,
  ].join("\n");
}

function remote(name: string): string {
  return [
    `    ${JSON.stringify(name)}: {`,
    `      "url": "http://127.0.0.1:8719/mcp",`,
    `      "headers": { "Authorization": "Bearer omlx_…" }`,
    `    }`,
  ].join("\n");
}

function toml(name: string, id: ServerId | null): string {
  return [`[mcp_servers.${JSON.stringify(name)}]`, `command = "omlx"`, `args = ${args(id)}`].join("\n");
}

const line =
  (kind: DiffLine["kind"]) =>
  (text: string): DiffLine => ({ kind, text });
const added = (text: string): DiffLine[] => text.split("\n").map(line("added"));

function jsonDiff(entry: string, exists: boolean): DiffLine[] {
  const context = line("context");
  if (!exists) return added(`{\n  "mcpServers": {\n${entry}\n  }\n}`);
  return [
    context(`{`),
    context(`  "mcpServers": {`),
    context(`    "filesystem": {`),
    context(`      "command": "npx"`),
    line("removed")(`    }`),
    line("added")(`    },`),
    ...added(entry),
    context(`  }`),
    context(`}`),
  ];
}
