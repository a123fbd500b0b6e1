// From a server's state to its lines on the screen. The words are the product's: the same in tray, panel and terminal.

import type { AuthStatus, ConnectionStatus, ServerSnapshot, Snapshot } from "./bindings";
import type { Translator } from "./i18n/translate";

/** What a state means at a glance; never told by colour alone, so each line has a shape, too. */
export type Tone = "good" | "plain" | "busy" | "attention" | "bad" | "off";
export type Shape = "check" | "ring" | "dot" | "spinner" | "alert" | "cross" | "lock" | "clock" | "pause";

export type Line = { shape: Shape; tone: Tone; text: string };

const AUTH_LOOK: Readonly<Record<AuthStatus, Pick<Line, "shape" | "tone">>> = {
  unknown: { shape: "ring", tone: "off" },
  not_required: { shape: "dot", tone: "plain" },
  not_authenticated: { shape: "alert", tone: "attention" },
  authenticating: { shape: "spinner", tone: "busy" },
  authenticated: { shape: "check", tone: "good" },
  refresh_failed: { shape: "alert", tone: "attention" },
  insufficient_scope: { shape: "alert", tone: "attention" },
  locked: { shape: "lock", tone: "attention" },
};

const CONNECTION_LOOK: Readonly<Record<ConnectionStatus, Pick<Line, "shape" | "tone">>> = {
  disabled: { shape: "pause", tone: "off" },
  idle: { shape: "ring", tone: "off" },
  connecting: { shape: "spinner", tone: "busy" },
  connected: { shape: "check", tone: "good" },
  waiting: { shape: "clock", tone: "plain" },
  failed: { shape: "cross", tone: "bad" },
};

export function authLine(server: ServerSnapshot, { t }: Translator): Line {
  return { ...AUTH_LOOK[server.auth], text: authWords(server, t) };
}

function authWords({ auth, prompt }: ServerSnapshot, t: Translator["t"]): string {
  if (auth !== "authenticating") return t(`auth.${auth}`);
  if (!prompt) return t("auth.preparing");
  return prompt.kind === "browser"
    ? t("auth.waiting_browser")
    : t("auth.enter_code", { code: prompt.user_code });
}

function plainConnectionLine({ connection }: ServerSnapshot, { t }: Translator): Line {
  return { ...CONNECTION_LOOK[connection], text: t(`connection.${connection}`) };
}

/** Says when the next attempt is made, where that is known. */
export function connectionLine(server: ServerSnapshot, translator: Translator, now: Date): Line {
  const { connection, retry_at } = server;
  const plain = plainConnectionLine(server, translator);
  if (connection !== "waiting" || !retry_at) return plain;
  const at = new Date(retry_at);
  const when = at > now ? translator.relative(at, now) : translator.t("connection.now");
  return { ...plain, text: translator.t("connection.waiting_until", { when }) };
}

/** A line of its own, since a connected transport proves nothing about authorization. */
export function toolsLine(server: ServerSnapshot, { t }: Translator): Line {
  const { tool_count: count, auth, connection } = server;
  if (count === null) return { shape: "ring", tone: "off", text: t("tools.none_yet") };
  if (connection !== "connected" || needsPerson(auth)) {
    return { shape: "ring", tone: "off", text: t("tools.remembered", { count }) };
  }
  const text = auth === "authenticated" ? t("tools.authorized", { count }) : t("tools.discovered", { count });
  return { shape: "check", tone: "good", text };
}

/** The one line in the list: what keeps the server from working, or that it works. */
export function summaryLine(server: ServerSnapshot, translator: Translator): Line {
  const auth = authLine(server, translator);
  if (server.connection === "disabled") return plainConnectionLine(server, translator);
  if (needsPerson(server.auth) || server.auth === "authenticating") return auth;
  if (server.connection !== "connected") return plainConnectionLine(server, translator);
  if (server.tool_count === null) return auth;
  const count = translator.t("tools.count", { count: server.tool_count });
  return { ...auth, text: translator.t("list.joined", { state: auth.text, tools: count }) };
}

function needsPerson(auth: AuthStatus): boolean {
  return AUTH_LOOK[auth].tone === "attention";
}

export function needsAttention(server: ServerSnapshot): boolean {
  return server.connection !== "disabled" && (needsPerson(server.auth) || server.connection === "failed");
}

/** One unreachable server is that server's trouble; all of them at once are ours. */
export function isOffline({ servers }: Snapshot, systemOnline: boolean): boolean {
  const remote = servers.filter(({ url, connection }) => url !== null && connection !== "disabled");
  const waiting = remote.filter(({ connection }) => connection === "waiting").length;
  return waiting > 0 && waiting === remote.length && (waiting > 1 || !systemOnline);
}

export function isLocked({ servers }: Snapshot): boolean {
  return servers.some(({ auth, connection }) => auth === "locked" && connection !== "disabled");
}
