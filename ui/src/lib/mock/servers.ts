// Server snapshots as the core would send them, by what differs from a healthy signed-in one.

import type {
  Action,
  AuthStatus,
  ConnectionStatus,
  Problem,
  ServerSnapshot,
  SignInPrompt,
} from "../bindings";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A moment relative to now, as the core writes it. */
export function at(milliseconds: number): string {
  return new Date(Date.now() + milliseconds).toISOString();
}

export function problem(code: string, message: string, action: Action): Problem {
  return { code, message, action };
}

/** Reachable, signed in, all known. */
export function authenticated(id: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return {
    id,
    transport: "streamable-http",
    url: `https://mcp.${id}.com/mcp`,
    auth: "authenticated",
    connection: "connected",
    provider: null,
    account: null,
    workspace: null,
    issuer: `https://mcp.${id}.com`,
    scopes: [],
    missing_scopes: [],
    expires_at: at(47 * MINUTE),
    authenticated_at: at(-3 * DAY),
    refreshed_at: at(-13 * MINUTE),
    retry_at: null,
    tool_count: 14,
    prompt: null,
    problem: null,
    ...changes,
  };
}

const SIGNED_OUT: Partial<ServerSnapshot> = {
  account: null,
  workspace: null,
  scopes: [],
  expires_at: null,
  authenticated_at: null,
  refreshed_at: null,
};

/** As `authenticated`, with neither grant nor tools. */
export function signedOut(id: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return authenticated(id, { ...SIGNED_OUT, auth: "not_authenticated", tool_count: null, ...changes });
}

export function stdio(id: string, changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  const local = { transport: "stdio", url: null, issuer: null, auth: "not_required" } as const;
  return authenticated(id, { ...SIGNED_OUT, ...local, tool_count: 11, ...changes });
}

export function browserPrompt(id: string): SignInPrompt {
  return { kind: "browser", url: `https://mcp.${id}.com/authorize?response_type=code&client_id=omlx` };
}

export function devicePrompt(id: string): SignInPrompt {
  return {
    kind: "device_code",
    user_code: "WDJB-MJHT",
    verification_uri: `https://${id}.com/device`,
    verification_uri_complete: `https://${id}.com/device?user_code=WDJB-MJHT`,
    expires_at: at(14 * MINUTE + 20_000),
  };
}

type ByAuth = (id: string) => Partial<ServerSnapshot>;

const BY_AUTH: Readonly<Record<AuthStatus, ByAuth>> = {
  unknown: () => ({ ...SIGNED_OUT, tool_count: null, issuer: null }),
  not_required: () => ({ ...SIGNED_OUT, issuer: null }),
  not_authenticated: () => ({ ...SIGNED_OUT, tool_count: null }),
  authenticating: (id) => ({ ...SIGNED_OUT, tool_count: null, prompt: browserPrompt(id) }),
  authenticated: () => ({ account: "ada@example.com", scopes: ["read", "write"] }),
  refresh_failed: (id) => ({
    expires_at: at(-2 * HOUR),
    problem: problem(
      "refresh_rejected",
      `${id} no longer accepts the stored sign-in (invalid_grant)`,
      "reauthenticate",
    ),
  }),
  insufficient_scope: (id) => ({
    scopes: ["read"],
    missing_scopes: ["write", "comments:write"],
    problem: problem("insufficient_scope", `${id} wants more scopes for this tool`, "allow"),
  }),
  locked: (id) => ({
    problem: problem("keychain_locked", `the keychain refuses to give out the key for ${id}`, "unlock"),
  }),
};

const BY_CONNECTION: Readonly<Record<ConnectionStatus, ByAuth>> = {
  disabled: () => ({}),
  idle: () => ({}),
  connecting: () => ({}),
  connected: () => ({}),
  waiting: () => ({ retry_at: at(12_000) }),
  failed: (id) => ({
    problem: problem("not_mcp", `${id} answered with a web page instead of MCP`, "ask_provider"),
  }),
};

/** Any combination; the sign-in's problem goes before the connection's. */
export function inState(auth: AuthStatus, connection: ConnectionStatus): ServerSnapshot {
  const id = `${auth}-${connection}`.replaceAll("_", "-");
  return authenticated(id, { auth, connection, ...BY_CONNECTION[connection](id), ...BY_AUTH[auth](id) });
}

export const AUTH_STATES = Object.keys(BY_AUTH) as AuthStatus[];
export const CONNECTION_STATES = Object.keys(BY_CONNECTION) as ConnectionStatus[];

/** What stays when a sign-in comes or goes. */
export function pickPlace({ url, provider, issuer, transport }: ServerSnapshot): Partial<ServerSnapshot> {
  return { url, provider, issuer, transport };
}
