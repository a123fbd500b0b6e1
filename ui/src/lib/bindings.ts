// Every type that crosses the IPC, exactly as serde writes it. Nothing here can hold a token, a code or a verifier;
// a client secret goes in (`ClientCredentials`) and never comes out.

// ---- omlx-mcp ----

export type ServerId = string;

export type Snapshot = {
  /** In the order of the config file. */
  servers: ServerSnapshot[];
  /** What is wrong with the config file; the last good one stays in force. */
  config_problems: Problem[];
};

export type ServerSnapshot = {
  id: ServerId;
  transport: TransportKind;
  /** Without user info, query and fragment; null for stdio. */
  url: string | null;
  auth: AuthStatus;
  connection: ConnectionStatus;
  provider: string | null;
  account: string | null;
  workspace: string | null;
  issuer: string | null;
  scopes: string[];
  /** Scopes the server wants on top of those granted. */
  missing_scopes: string[];
  expires_at: string | null;
  authenticated_at: string | null;
  refreshed_at: string | null;
  /** When the next attempt is made, while `waiting`. */
  retry_at: string | null;
  tool_count: number | null;
  /** What to show while `authenticating`. */
  prompt: SignInPrompt | null;
  problem: Problem | null;
};

export type TransportKind = "stdio" | "sse" | "streamable-http";

export type AuthStatus =
  | "unknown"
  | "not_required"
  | "not_authenticated"
  | "authenticating"
  | "authenticated"
  | "refresh_failed"
  | "insufficient_scope"
  | "locked";

export type ConnectionStatus = "disabled" | "idle" | "connecting" | "connected" | "waiting" | "failed";

export type SignInPrompt =
  | { kind: "browser"; url: string }
  | {
      kind: "device_code";
      user_code: string;
      verification_uri: string;
      verification_uri_complete: string | null;
      expires_at: string;
    };

export type Event =
  | { event: "transport_connected"; server: ServerId }
  | { event: "tools_discovered"; server: ServerId; tool_count: number }
  | { event: "sign_in_started"; server: ServerId; prompt: SignInPrompt }
  | { event: "sign_in_finished"; server: ServerId; problem: Problem | null }
  | { event: "token_refreshed"; server: ServerId }
  | { event: "attention_needed"; server: ServerId; problem: Problem }
  | { event: "signed_out"; server: ServerId }
  | { event: "config_changed" };

/** A failure as shown to a person; also what every command rejects with. */
export type Problem = { code: string; message: string; action: Action };

export type Action =
  | "none"
  | "connect"
  | "reauthenticate"
  | "allow"
  | "unlock"
  | "retry"
  | "edit_config"
  | "enter_client"
  | "ask_provider";

export type Step = {
  at: string;
  stage: Stage;
  request: string | null;
  status: number | null;
  decision: string;
  rule: string | null;
};

export type Stage =
  | "challenge"
  | "resource_metadata"
  | "server_metadata"
  | "registration"
  | "authorization"
  | "token"
  | "refresh"
  | "revocation"
  | "identity";

/** A line of the server's own output: it may say anything. */
export type LogLine = { at: string; source: LogSource; text: string };

export type LogSource = "stderr" | "message";

export type SignOutReport = {
  server: ServerId;
  refresh_token: SignOutStep;
  access_token: SignOutStep;
  registration: SignOutStep;
  /** Whether this machine held anything; whatever it held is gone. */
  wiped: boolean;
};

export type SignOutStep =
  | { outcome: "done" }
  | { outcome: "nothing" }
  | { outcome: "unsupported" }
  | { outcome: "failed"; problem: Problem };

export type KeySource = "keychain" | "file";

// ---- the shell ----

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export type Tool = {
  name: string;
  title: string | null;
  description: string | null;
  input_schema: JsonValue;
  output_schema: JsonValue | null;
  /** `annotations.readOnlyHint` */
  read_only: boolean | null;
  /** `annotations.destructiveHint` */
  destructive: boolean | null;
};

/** What a URL turned out to be. */
export type Probe =
  | { result: "needs_sign_in"; provider: string | null; issuer: string; scopes: string[] }
  | { result: "open"; provider: string | null; tool_count: number | null }
  | { result: "needs_client"; provider: string | null; issuer: string; redirect_uri: string }
  | { result: "unreachable"; problem: Problem };

export type ClientCredentials = { client_id: string; client_secret: string | null };

export type NewServer = { id: ServerId; transport: NewTransport; client: ClientCredentials | null };

export type NewTransport =
  { kind: "http"; url: string } | { kind: "stdio"; command: string; args: string[]; env: NamedValue[] };

export type NamedValue = { name: string; value: string };

/** An entry as it stands, for editing. Values that may be credentials are not in it, only their names. */
export type ServerEntry = {
  id: ServerId;
  transport: TransportKind;
  /** Redacted as in the snapshot. */
  url: string | null;
  command: string | null;
  argument_count: number;
  env_names: string[];
  header_names: string[];
  timeout_seconds: number;
  client_id: string | null;
  scopes: string[] | null;
  account: string | null;
};

/** What to change; null keeps what stands. An empty text or list takes the key away. */
export type ServerChanges = {
  id: ServerId | null;
  url: string | null;
  command: string | null;
  args: string[] | null;
  set_env: NamedValue[];
  remove_env: string[];
  set_headers: NamedValue[];
  remove_headers: string[];
  timeout_seconds: number | null;
  client_id: string | null;
  scopes: string[] | null;
  account: string | null;
};

/** Redeemed once by `undo`. */
export type UndoToken = string;

export type ImportSource = {
  id: string;
  /** The client's own name. */
  name: string;
  path: string;
  found: boolean;
  server_count: number;
};

export type ImportPreview = { source: string; candidates: ImportCandidate[] };

export type ImportCandidate = {
  /** As named in the other client. */
  name: string;
  /** As it would be named here. */
  id: ServerId;
  transport: TransportKind;
  /** Redacted URL, or the program. */
  address: string;
  verdict: ImportVerdict;
  /** Whether values that may be credentials come along. */
  has_secrets: boolean;
  /** Whether a sign-in can be taken over. */
  has_grant: boolean;
  problem: Problem | null;
};

export type ImportVerdict = "new" | "renamed" | "present" | "invalid";

export type ImportReport = { added: ServerId[]; undo: UndoToken };

export type ClientApp = { id: string; name: string; installed: boolean };

export type UseInPreview = {
  client: string;
  path: string;
  /** Whether the file is there already. */
  exists: boolean;
  /** Whether the client uses it already. */
  present: boolean;
  snippet: string;
  diff: DiffLine[];
};

export type DiffLine = { kind: DiffKind; text: string };

export type DiffKind = "context" | "added" | "removed";

export type Settings = {
  launch_at_login: boolean;
  notifications: boolean;
  paused: boolean;
  language: Language;
};

/** Where the tray or a notification wants the panel to be. */
export type Place = { place: "server"; server: ServerId } | { place: "settings" } | { place: "add" };

export type Language = "system" | "en" | "ja" | "ko" | "zh-Hans" | "zh-Hant";

export type About = {
  version: string;
  config_path: string;
  data_path: string;
  key_source: KeySource;
  gateway_url: string | null;
};
