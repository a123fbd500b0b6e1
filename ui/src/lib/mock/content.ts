// What the pages and dialogs of the backend in memory are filled with.

import type {
  About,
  ServerEntry,
  ServerId,
  ServerSnapshot,
  Settings,
  SignOutReport,
  ClientApp,
  JsonValue,
  LogLine,
  Probe,
  Step,
  Tool,
} from "../bindings";
import { hostOf } from "../server-name";
import { at, problem, SECOND } from "./servers";

const text = (description: string): JsonValue => ({ type: "string", description });

const SEARCH_SCHEMA: JsonValue = {
  type: "object",
  properties: {
    query: text("What to look for, in the workspace's own words"),
    query_type: { enum: ["internal", "user"], description: "Where to look" },
    page_size: { type: "integer", minimum: 1, maximum: 25, default: 10 },
    teamspaces: { type: "array", items: { type: "string" }, description: "Only these teamspaces" },
    since: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
  },
  required: ["query"],
};

const NAMES: readonly (readonly [string, string])[] = [
  ["search", "Searches pages, databases and connected sources."],
  ["fetch", "Reads one page or database by its id or address."],
  ["create_pages", "Creates pages below a parent, with properties and content."],
  ["update_page", "Changes the properties or the content of a page."],
  ["move_pages", "Moves pages or databases to another parent."],
  ["duplicate_page", "Copies a page within the workspace."],
  ["create_database", "Creates a database with the properties it is given."],
  ["update_database", "Changes a database's title, description or properties."],
  ["create_comment", "Writes a comment on a page."],
  ["get_comments", "Lists the comments of a page."],
  ["get_users", "Lists the people of the workspace."],
  ["get_self", "Tells who is signed in."],
  ["delete_page", "Moves a page to the trash."],
  ["list_teamspaces", "Lists the teamspaces that can be seen."],
];

export function tools(count: number): Tool[] {
  return Array.from({ length: count }, (_, index) => {
    const [name, description] = NAMES[index % NAMES.length] ?? ["tool", ""];
    const round = Math.floor(index / NAMES.length);
    return {
      name: round === 0 ? name : `${name}_${String(round + 1)}`,
      title: null,
      description,
      input_schema: name === "get_self" ? { type: "object" } : SEARCH_SCHEMA,
      output_schema: null,
      read_only: /^(search|fetch|get|list)/.test(name),
      destructive: name.startsWith("delete"),
    };
  });
}

type Told = [
  stage: Step["stage"],
  request: string | null,
  status: number | null,
  decision: string,
  rule: string | null,
];

const told = (url: string): Told[] => {
  const origin = `https://${hostOf(url)}`;
  return [
    [
      "challenge",
      `POST ${url}`,
      401,
      "the server asks for a Bearer token and names its metadata",
      "RFC 9728 §5.1",
    ],
    [
      "resource_metadata",
      `GET ${origin}/.well-known/oauth-protected-resource/mcp`,
      200,
      "the metadata is for this server, and names one authorization server",
      "RFC 9728 §3.3",
    ],
    [
      "server_metadata",
      `GET ${origin}/.well-known/oauth-authorization-server`,
      200,
      "the issuer is identical, and S256 is supported",
      "RFC 8414 §3.3",
    ],
    [
      "registration",
      `POST ${origin}/register`,
      201,
      "registered as a public client with a loopback redirect",
      "RFC 7591 §3.2.1",
    ],
    [
      "authorization",
      null,
      null,
      "the browser came back with our state and the right issuer",
      "RFC 9207 §2.4",
    ],
    [
      "token",
      `POST ${origin}/token`,
      200,
      "the code was redeemed with its verifier; a refresh token came along",
      "RFC 6749 §4.1.4",
    ],
    ["identity", null, null, "the token response names the workspace", null],
    [
      "refresh",
      `POST ${origin}/token`,
      200,
      "the refresh token was rotated and saved before use",
      "RFC 6749 §6",
    ],
  ];
};

export function steps(url: string, rejected: boolean): Step[] {
  const all: Step[] = told(url).map(([stage, request, status, decision, rule], index) => ({
    at: at((index - 9) * 900),
    stage,
    request,
    status,
    decision,
    rule,
  }));
  const last = all.at(-1);
  if (!rejected || !last) return all;
  const decision = "the refresh token was rejected with invalid_grant; only a person can sign in again";
  return [...all.slice(0, -1), { ...last, status: 400, decision, rule: "RFC 6749 §5.2" }];
}

export function log(id: string, isLocal: boolean): LogLine[] {
  const source: LogLine["source"] = isLocal ? "stderr" : "message";
  const lines = [
    `${id} 2.4.1 ready`,
    "index loaded: 1,482 pages, 17 databases",
    "search took 212 ms for 25 results",
    "rate limit at 80 %, slowing down",
    "list_changed: 1 tool added",
  ];
  return lines.map((text, index) => ({ at: at((index - 40) * 4 * SECOND), source, text }));
}

/** What a URL turns out to be, told by its host. */
export function probe(url: string): Probe {
  const host = hostOf(url);
  const issuer = `https://${host}`;
  if (/slack|google|microsoft/.test(host)) {
    const redirect_uri = "http://127.0.0.1/oauth/callback";
    return { result: "needs_client", provider: nameOf(host), issuer, redirect_uri };
  }
  if (/localhost|127\.0\.0\.1|docs|open/.test(host)) return { result: "open", provider: null, tool_count: 6 };
  if (/down|invalid/.test(host)) {
    return {
      result: "unreachable",
      problem: problem("server_unreachable", `${host} does not answer`, "retry"),
    };
  }
  return { result: "needs_sign_in", provider: nameOf(host), issuer, scopes: [] };
}

function nameOf(host: string): string | null {
  const label = host.split(".").at(-2);
  return label ? label.charAt(0).toUpperCase() + label.slice(1) : null;
}

const app = (id: string, name: string, installed = true): ClientApp => ({ id, name, installed });

export const CLIENT_APPS: readonly ClientApp[] = [
  app("codex", "Codex", false),
  app("claude-desktop", "Claude Desktop"),
  app("cursor", "Cursor"),
  app("vscode", "VS Code"),
  app("zed", "Zed"),
  app("omlx", "oMLX"),
];

export const ABOUT: About = {
  version: "0.1.0",
  config_path: "~/.config/omlx/mcp.json",
  data_path: "~/Library/Application Support/ai.omlx.connect",
  key_source: "keychain",
  gateway_url: "http://127.0.0.1:8719",
  gateway_problem: null,
};

export const signOutReport = (server: ServerId): SignOutReport => ({
  server,
  refresh_token: { outcome: "done" },
  access_token: { outcome: "done" },
  registration: { outcome: "unsupported" },
  wiped: true,
});

export const SETTINGS: Settings = {
  gateway_port: 8719,
  launch_at_login: true,
  notifications: true,
  paused: false,
  language: "system",
};

export function entry({ id, transport, url }: ServerSnapshot): ServerEntry {
  const isStdio = transport === "stdio";
  return {
    id,
    transport,
    url,
    command: isStdio ? "npx" : null,
    argument_count: isStdio ? 3 : 0,
    env_names: isStdio ? ["API_KEY", "LOG_LEVEL"] : [],
    header_names: isStdio ? [] : ["X-Workspace"],
    timeout_seconds: 30,
    client_id: null,
    scopes: null,
    account: null,
  };
}
