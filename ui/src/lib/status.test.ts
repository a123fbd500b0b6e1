import { describe, expect, it } from "vitest";

import type { AuthStatus, ConnectionStatus } from "./bindings";
import { en } from "./i18n/catalogues/en";
import { Translator } from "./i18n/translate";
import { authenticated, devicePrompt, inState, signedOut, stdio } from "./mock/servers";
import {
  authLine,
  connectionLine,
  isLocked,
  isOffline,
  needsAttention,
  summaryLine,
  toolsLine,
} from "./status";

const english = new Translator("en", en);
const NOW = new Date("2026-03-04T09:41:00Z");

const PRODUCT_WORDS: readonly [AuthStatus, string][] = [
  ["not_required", "No sign-in needed"],
  ["not_authenticated", "Not authenticated"],
  ["authenticating", "Waiting for the browser…"],
  ["authenticated", "Authenticated"],
  ["refresh_failed", "Token expired, refresh failed"],
  ["insufficient_scope", "More permission needed"],
  ["locked", "Keychain locked"],
];

describe("the sign-in line", () => {
  it.each(PRODUCT_WORDS)("says %s in the product's words", (auth, words) => {
    expect(authLine(inState(auth, "connected"), english).text).toBe(words);
  });

  it("names the code to enter while a device sign-in waits", () => {
    const server = signedOut("github", { auth: "authenticating", prompt: devicePrompt("github") });
    expect(authLine(server, english).text).toBe("Enter code WDJB-MJHT");
  });

  it("promises neither browser nor code before it is known which", () => {
    expect(authLine(signedOut("x", { auth: "authenticating" }), english).text).toBe("Preparing the sign-in…");
  });
});

describe("the connection line", () => {
  it("says when the next attempt is made", () => {
    const server = authenticated("x", { connection: "waiting", retry_at: "2026-03-04T09:41:12Z" });
    expect(connectionLine(server, english, NOW).text).toBe("Waiting for the server, next try in 12 seconds");
  });

  it("does not speak of the past when the attempt is due", () => {
    const server = authenticated("x", { connection: "waiting", retry_at: "2026-03-04T09:40:58Z" });
    expect(connectionLine(server, english, NOW).text).toBe("Waiting for the server, next try now");
  });

  it.each<[ConnectionStatus, string]>([
    ["disabled", "Disabled"],
    ["idle", "Not connected"],
    ["connecting", "Connecting…"],
    ["connected", "Transport connected"],
    ["waiting", "Waiting for the server"],
    ["failed", "Connection failed"],
  ])("says %s", (connection, words) => {
    expect(connectionLine(authenticated("x", { connection }), english, NOW).text).toBe(words);
  });
});

describe("the tools line", () => {
  it("is apart from the transport's, and speaks of authorization only where there is one", () => {
    expect(toolsLine(authenticated("x"), english).text).toBe("Authorized, 14 tools discovered");
    expect(toolsLine(authenticated("x", { tool_count: 1 }), english).text).toBe(
      "Authorized, 1 tool discovered",
    );
    expect(toolsLine(stdio("x"), english).text).toBe("11 tools discovered");
  });

  it("does not call tools discovered that cannot be used now", () => {
    for (const server of [inState("refresh_failed", "connected"), inState("authenticated", "waiting")]) {
      expect(toolsLine(server, english).text).toBe("14 tools known from last time");
    }
  });
});

describe("the line in the list", () => {
  it("keeps a network failure apart from a missing sign-in", () => {
    expect(summaryLine(inState("authenticated", "waiting"), english).text).toBe("Waiting for the server");
    expect(summaryLine(inState("not_authenticated", "waiting"), english).text).toBe("Not authenticated");
  });

  it("joins state and tools when all is well", () => {
    expect(summaryLine(authenticated("x"), english).text).toBe("Authenticated · 14 tools");
  });

  it("says that a server is disabled before anything else", () => {
    expect(summaryLine(inState("refresh_failed", "disabled"), english).text).toBe("Disabled");
  });
});

describe("attention", () => {
  it("is called for by what only a person can mend, and by nothing that mends itself", () => {
    expect(needsAttention(inState("refresh_failed", "connected"))).toBe(true);
    expect(needsAttention(inState("authenticated", "failed"))).toBe(true);
    expect(needsAttention(inState("authenticated", "waiting"))).toBe(false);
    expect(needsAttention(inState("locked", "disabled"))).toBe(false);
  });
});

describe("being offline", () => {
  const waiting = authenticated("a", { connection: "waiting" });
  const snapshot = (...servers: Parameters<typeof summaryLine>[0][]) => ({
    servers,
    config_problems: [],
    config_advice: [],
  });

  it("is concluded when every remote server waits", () => {
    expect(isOffline(snapshot(waiting, { ...waiting, id: "b" }, stdio("local")), true)).toBe(true);
  });

  it("is not concluded from one server that is down", () => {
    expect(isOffline(snapshot(waiting), true)).toBe(false);
    expect(isOffline(snapshot(waiting, authenticated("b")), true)).toBe(false);
  });

  it("is concluded from one waiting server when the system says so, too", () => {
    expect(isOffline(snapshot(waiting), false)).toBe(true);
  });

  it("has nothing to do with a locked keychain", () => {
    expect(isLocked(snapshot(inState("locked", "idle")))).toBe(true);
    expect(isLocked(snapshot(inState("locked", "disabled")))).toBe(false);
  });
});
