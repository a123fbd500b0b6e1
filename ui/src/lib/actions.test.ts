import { describe, expect, it } from "vitest";

import { deedsOf, problemIsAboutAuth } from "./actions";
import type { Action } from "./bindings";
import { AUTH_STATES, authenticated, CONNECTION_STATES, inState, problem, signedOut } from "./mock/servers";

describe("a server's buttons", () => {
  it.each([
    ["not_required", []],
    ["not_authenticated", ["connect"]],
    ["authenticating", []],
    ["authenticated", ["reauthenticate", "disconnect"]],
    ["refresh_failed", ["reauthenticate"]],
    ["insufficient_scope", ["allow"]],
    ["locked", ["unlock", "retry"]],
  ] as const)("are the ones offered while %s", (auth, deeds) => {
    expect(deedsOf(inState(auth, "connected")).auth).toEqual(deeds);
  });

  it.each<Action>([
    "connect",
    "reauthenticate",
    "allow",
    "unlock",
    "retry",
    "edit_config",
    "enter_client",
    "ask_provider",
  ])("have exactly one for a problem mended by %s", (action) => {
    const server = signedOut("x", { connection: "failed", problem: problem("any", "any", action) });
    const { auth, connection } = deedsOf(server);
    expect([...auth, ...connection].filter((deed) => deed === action)).toHaveLength(1);
  });

  it("never come twice, in no combination of states", () => {
    for (const auth of AUTH_STATES) {
      for (const connection of CONNECTION_STATES) {
        const deeds = deedsOf(inState(auth, connection));
        const all = [...deeds.auth, ...deeds.connection];
        expect(new Set(all).size, `${auth} ${connection}`).toBe(all.length);
      }
    }
  });

  it("mend nothing on a server that is switched off", () => {
    expect(deedsOf(inState("refresh_failed", "disabled"))).toEqual({ auth: [], connection: [] });
  });
});

describe("a problem", () => {
  it("stands at the sign-in when signing in mends it", () => {
    expect(problemIsAboutAuth(signedOut("x", { problem: problem("c", "m", "enter_client") }))).toBe(true);
  });

  it("stands at the connection when the network or the provider is at fault", () => {
    const server = authenticated("x", { connection: "waiting", problem: problem("c", "m", "none") });
    expect(problemIsAboutAuth(server)).toBe(false);
    expect(problemIsAboutAuth({ ...server, problem: problem("c", "m", "ask_provider") })).toBe(false);
  });
});
