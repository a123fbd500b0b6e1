// What other apps have, for the import of the backend in memory.

import type { ImportCandidate, ImportReport, ImportSource, ServerSnapshot } from "../bindings";
import { authenticated, problem, signedOut, stdio } from "./servers";

const source = (id: string, name: string, path: string, server_count: number): ImportSource => ({
  id,
  name,
  path,
  found: server_count > 0,
  server_count,
});

export const IMPORT_SOURCES: readonly ImportSource[] = [
  source(
    "claude-desktop",
    "Claude Desktop",
    "~/Library/Application Support/Claude/claude_desktop_config.json",
    4,
  ),
  source("cursor", "Cursor", "~/.cursor/mcp.json", 2),
  source("vscode", "VS Code", "~/Library/Application Support/Code/User/mcp.json", 0),
  source("zed", "Zed", "~/.config/zed/settings.json", 1),
  source("codex", "Codex", "~/.codex/config.toml", 0),
  source("omlx", "oMLX", "~/.config/omlx/mcp.json", 3),
];

const candidate = (
  name: string,
  address: string,
  changes: Partial<ImportCandidate> = {},
): ImportCandidate => ({
  name,
  id: name,
  transport: address.startsWith("https") ? "streamable-http" : "stdio",
  address,
  verdict: "new",
  has_secrets: false,
  has_grant: false,
  problem: null,
  ...changes,
});

export const IMPORT_CANDIDATES: readonly ImportCandidate[] = [
  candidate("asana", "https://mcp.asana.com/mcp", { has_grant: true }),
  candidate("postgres", "npx @modelcontextprotocol/server-postgres", { has_secrets: true }),
  candidate("linear", "https://mcp.linear.app/mcp", { id: "linear-2", verdict: "renamed" }),
  candidate("notion", "https://mcp.notion.com/mcp", { verdict: "present" }),
  candidate("weather", "", {
    verdict: "invalid",
    problem: problem(
      "config_server_command",
      "MCP server 'weather': stdio transport requires 'command'",
      "none",
    ),
  }),
];

/** What taking these over comes to: of a server that is here already, its sign-in alone. */
export function imported(
  names: readonly string[],
  before: ServerSnapshot[],
): { report: Omit<ImportReport, "undo">; servers: ServerSnapshot[] } {
  const chosen = IMPORT_CANDIDATES.filter(({ name }) => names.includes(name));
  const fresh = chosen.filter(({ verdict }) => verdict !== "present");
  const signed_in = chosen.filter(({ has_grant }) => has_grant).map(({ id }) => id);
  const become = (id: string): ServerSnapshot => (signed_in.includes(id) ? authenticated(id) : signedOut(id));
  const servers = [
    ...before.map((server) => (signed_in.includes(server.id) ? authenticated(server.id) : server)),
    ...fresh.map(({ id, transport }) => (transport === "stdio" ? stdio(id) : become(id))),
  ];
  return { report: { added: fresh.map(({ id }) => id), signed_in, not_signed_in: [] }, servers };
}
