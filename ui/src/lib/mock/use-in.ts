// "Use in…" of the backend in memory.

import type { DiffLine, ServerId, UseInPreview } from "../bindings";
import { CLIENT_APPS, IMPORT_SOURCES } from "./content";

export function useInPreview(client: string, id: ServerId | null): UseInPreview {
  const path = IMPORT_SOURCES.find((source) => source.id === client)?.path ?? "~/.config/mcp.json";
  const name = id ?? "omlx-connect";
  const exists = CLIENT_APPS.some((app) => app.id === client && app.installed);
  const present = client === "omlx";
  if (client === "codex")
    return { client, path, exists, present, snippet: toml(name, id), diff: added(toml(name, id)), notes: [] };
  const entry = json(name, id);
  return {
    client,
    path,
    exists,
    present,
    snippet: `{\n  "mcpServers": {\n${entry}\n  }\n}`,
    diff: jsonDiff(entry, exists),
    notes: [],
  };
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
