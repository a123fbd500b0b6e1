// The situations the panel must look right in.

import type { ServerSnapshot, Snapshot } from "../bindings";
import {
  AUTH_STATES,
  authenticated,
  at,
  browserPrompt,
  CONNECTION_STATES,
  DAY,
  devicePrompt,
  HOUR,
  inState,
  MINUTE,
  problem,
  signedOut,
  stdio,
} from "./servers";

export type Scenario = keyof typeof SCENARIOS;

const notion = (changes: Partial<ServerSnapshot> = {}): ServerSnapshot =>
  authenticated("notion", {
    provider: "Notion",
    account: "ada@example.com",
    workspace: "Analytical Engines",
    scopes: ["default"],
    ...changes,
  });

const linear = (changes: Partial<ServerSnapshot> = {}): ServerSnapshot =>
  authenticated("linear", {
    provider: "Linear",
    account: "Ada Lovelace",
    workspace: "Engines",
    scopes: ["read", "write", "issues:create", "comments:create"],
    tool_count: 23,
    ...changes,
  });

const files = (): ServerSnapshot => stdio("filesystem", { provider: "Secure Filesystem Server" });

const refreshFailed = (): ServerSnapshot =>
  authenticated("sentry", {
    provider: "Sentry",
    account: "ada@example.com",
    auth: "refresh_failed",
    expires_at: at(-2 * HOUR),
    refreshed_at: at(-1 * DAY),
    tool_count: 19,
    problem: problem(
      "refresh_rejected",
      "Sentry no longer accepts the stored sign-in (invalid_grant)",
      "reauthenticate",
    ),
  });

const scopesMissing = (): ServerSnapshot =>
  authenticated("github", {
    url: "https://api.githubcopilot.com/mcp/",
    provider: "GitHub",
    account: "ada",
    issuer: "https://github.com/login/oauth",
    auth: "insufficient_scope",
    scopes: ["read:user", "repo:status"],
    missing_scopes: ["repo", "workflow"],
    tool_count: 41,
    problem: problem("insufficient_scope", "GitHub wants more scopes for create_pull_request", "allow"),
  });

const needsClient = (): ServerSnapshot =>
  signedOut("slack", {
    provider: "Slack",
    problem: problem("registration_unsupported", "slack.com registers no clients by itself", "enter_client"),
  });

const waiting = (server: ServerSnapshot, seconds: number): ServerSnapshot => ({
  ...server,
  connection: "waiting",
  retry_at: at(seconds * 1000),
  problem: problem("server_unreachable", `${server.id} does not answer`, "none"),
});

const locked = (server: ServerSnapshot): ServerSnapshot => ({
  ...server,
  auth: "locked",
  connection: "idle",
  problem: problem("keychain_locked", `the keychain refuses to give out the key for ${server.id}`, "unlock"),
});

function everyday(): ServerSnapshot[] {
  return [
    notion(),
    linear(),
    refreshFailed(),
    scopesMissing(),
    files(),
    needsClient(),
    { ...waiting(authenticated("figma", { provider: "Figma", tool_count: 8 }), 42) },
    signedOut("stripe", { provider: "Stripe" }),
    authenticated("atlassian", { connection: "disabled", tool_count: 37 }),
  ];
}

const FLEET = ["prod", "staging", "eu", "us", "lab"];

function many(): ServerSnapshot[] {
  return Array.from({ length: 200 }, (_, index) => {
    const id = `${FLEET[index % FLEET.length] ?? "lab"}-tools-${String(index + 1).padStart(3, "0")}`;
    return index % 23 === 7 ? signedOut(id) : authenticated(id, { tool_count: (index * 7) % 90 });
  });
}

function long(): ServerSnapshot[] {
  const id =
    "analytical-engines-international-research-division-knowledge-base-production-read-only-replica-frankfurt";
  return [
    notion({
      id,
      url: `https://mcp.${"very-long-subdomain.".repeat(4)}example.com/tenants/0c9a7f3e/workspaces/7b1d/mcp`,
      account: `${"augusta-ada-king-countess-of-".repeat(3)}lovelace@example.com`,
      workspace: "شركة المحركات التحليلية الدولية",
      scopes: Array.from(
        { length: 14 },
        (_, index) => `https://example.com/auth/permissions.${String(index)}.readwrite`,
      ),
      issuer: `https://login.example.com/${"0123456789abcdef-".repeat(5)}/v2.0`,
    }),
    notion({ id: "מסד-הנתונים-שלי", workspace: "חברת המנועים" }),
    notion({ id: "知識ベース検索サーバ・本番環境・東京リージョン", provider: "株式会社解析機関" }),
    signedOut("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"),
  ];
}

const snapshot = (servers: ServerSnapshot[]): Snapshot => ({
  servers,
  config_problems: [],
  config_advice: [],
});

/** Functions, since their times are relative to the moment they are asked for. */
export const SCENARIOS = {
  empty: () => snapshot([]),
  /** The core has not answered yet. */
  loading: () => snapshot([]),
  /** The core cannot be reached at all. */
  unreachable: () => snapshot([]),
  three: () => snapshot([notion(), linear(), files()]),
  everyday: () => snapshot(everyday()),
  /** Tools that changed are held back from other apps. */
  held: () => snapshot([notion(), linear(), files()]),
  states: () =>
    snapshot(AUTH_STATES.flatMap((auth) => CONNECTION_STATES.map((connection) => inState(auth, connection)))),
  refused: () => snapshot([refreshFailed(), notion(), linear()]),
  scopes: () => snapshot([scopesMissing(), notion(), linear()]),
  client: () => snapshot([needsClient(), notion(), linear()]),
  browser: () =>
    snapshot([
      signedOut("notion", { provider: "Notion", auth: "authenticating", prompt: browserPrompt("notion") }),
      linear(),
    ]),
  device: () =>
    snapshot([
      signedOut("github", { provider: "GitHub", auth: "authenticating", prompt: devicePrompt("github") }),
      linear(),
    ]),
  offline: () =>
    snapshot([waiting(notion(), 12), waiting(linear(), 31), waiting(authenticated("figma"), 18)]),
  locked: () => snapshot([locked(notion()), locked(linear()), files()]),
  broken: () => ({
    servers: [notion(), linear(), files()],
    config_problems: [
      problem("config_syntax", "~/.config/omlx/mcp.json: line 14, column 5: expected a comma", "edit_config"),
      problem(
        "config_server_url",
        "MCP server 'jira': streamable-http transport requires 'url'",
        "edit_config",
      ),
    ],
    config_advice: [
      problem(
        "server_plain_http",
        "server 'lab': its URL is plain http to another machine, so it is never sent an access token",
        "edit_config",
      ),
    ],
  }),
  failed: () =>
    snapshot([
      notion({
        connection: "failed",
        problem: problem(
          "forbidden",
          "Notion answers 403: this account may not use the server",
          "ask_provider",
        ),
      }),
      linear({ refreshed_at: at(-2 * MINUTE) }),
    ]),
  many: () => snapshot(many()),
  long: () => snapshot(long()),
} satisfies Record<string, () => Snapshot>;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as Scenario[];
