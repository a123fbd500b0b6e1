// Whatever a promise rejected with, as something that can be shown.

import type { Action, Problem } from "./bindings";

const ACTIONS: readonly Action[] = [
  "none",
  "connect",
  "reauthenticate",
  "allow",
  "unlock",
  "retry",
  "edit_config",
  "enter_client",
  "ask_provider",
];

/** A thrown value that is no `Problem` is a defect of ours or of the shell: it gets a code of its own. */
export function asProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: "panel_failure", message, action: "none" };
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const { code, message, action } = value as Partial<Problem>;
  return typeof code === "string" && typeof message === "string" && ACTIONS.some((known) => known === action);
}
