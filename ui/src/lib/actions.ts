// Which buttons a server's state calls for, and what mends a problem.

import type { Action, ServerSnapshot } from "./bindings";
import type { PlainKey } from "./i18n/translate";

/** What a button does; `Action` plus what mends nothing. */
export type Deed = Exclude<Action, "none"> | "cancel" | "copy_link" | "open_link" | "disconnect";

export const DEED_LABEL: Readonly<Record<Deed, PlainKey>> = {
  connect: "action.connect",
  reauthenticate: "action.reauthenticate",
  allow: "action.allow",
  unlock: "action.unlock",
  retry: "action.retry",
  edit_config: "action.edit_config",
  enter_client: "action.enter_client",
  ask_provider: "action.ask_provider",
  cancel: "action.cancel",
  copy_link: "action.copy_link",
  open_link: "action.open_link",
  disconnect: "action.disconnect",
};

/** Actions that are about being signed in; the rest is about being connected. */
const ABOUT_AUTH: readonly Action[] = ["connect", "reauthenticate", "allow", "unlock", "enter_client"];

export type Deeds = { auth: Deed[]; connection: Deed[] };

/** The buttons of both status lines: the state's own, and the one that mends the problem, none twice. */
export function deedsOf(server: ServerSnapshot): Deeds {
  const deeds: Deeds = { auth: authDeeds(server), connection: connectionDeeds(server) };
  const mend = server.problem?.action ?? "none";
  if (mend === "none" || server.connection === "disabled") return deeds;
  const list = problemIsAboutAuth(server) ? deeds.auth : deeds.connection;
  if (!deeds.auth.includes(mend) && !deeds.connection.includes(mend)) list.unshift(mend);
  return deeds;
}

function authDeeds({ auth, connection }: ServerSnapshot): Deed[] {
  if (connection === "disabled") return auth === "authenticated" ? ["disconnect"] : [];
  switch (auth) {
    case "not_authenticated":
      return ["connect"];
    case "authenticated":
      return ["reauthenticate", "disconnect"];
    case "refresh_failed":
      return ["reauthenticate"];
    case "insufficient_scope":
      return ["allow"];
    case "locked":
      return ["unlock", "retry"];
    case "authenticating":
    case "not_required":
    case "unknown":
      return [];
  }
}

function connectionDeeds({ connection, auth }: ServerSnapshot): Deed[] {
  return connection === "waiting" && auth !== "locked" ? ["retry"] : [];
}

/** Whether the problem belongs to the sign-in line rather than to the connection line. */
export function problemIsAboutAuth({ problem, auth }: ServerSnapshot): boolean {
  if (!problem) return false;
  return ABOUT_AUTH.includes(problem.action) || (problem.action !== "edit_config" && isSignInState(auth));
}

function isSignInState(auth: ServerSnapshot["auth"]): boolean {
  return (
    auth === "not_authenticated" ||
    auth === "refresh_failed" ||
    auth === "insufficient_scope" ||
    auth === "locked"
  );
}

/** The one button drawn filled, if a person is waited for. */
export function isUrgent(deed: Deed, { auth }: ServerSnapshot): boolean {
  return (
    auth !== "authenticated" &&
    ["connect", "reauthenticate", "allow", "unlock", "enter_client"].includes(deed)
  );
}
