// An entry being edited. Values that may be credentials never reach the panel, so they can be kept, replaced or taken
// away, but not read.

import type { NamedValue, ServerChanges, ServerEntry } from "./bindings";

export type ValueEdit = { name: string; stored: boolean; mode: "keep" | "set" | "remove"; value: string };

export type EntryForm = {
  id: string;
  url: string;
  command: string;
  /** One a line; null keeps the arguments that stand. */
  args: string | null;
  env: ValueEdit[];
  headers: ValueEdit[];
  timeout: string;
  clientId: string;
  scopes: string;
  account: string;
};

export function formOf(entry: ServerEntry): EntryForm {
  return {
    id: entry.id,
    url: entry.url ?? "",
    command: entry.command ?? "",
    args: entry.argument_count === 0 ? "" : null,
    env: entry.env_names.map(stored),
    headers: entry.header_names.map(stored),
    timeout: String(entry.timeout_seconds),
    clientId: entry.client_id ?? "",
    scopes: (entry.scopes ?? []).join(" "),
    account: entry.account ?? "",
  };
}

const stored = (name: string): ValueEdit => ({ name, stored: true, mode: "keep", value: "" });

export function changesOf(entry: ServerEntry, form: EntryForm): ServerChanges {
  const before = formOf(entry);
  const changed = (key: "id" | "url" | "command" | "clientId" | "account"): string | null =>
    form[key].trim() === before[key] ? null : form[key].trim();
  return {
    id: changed("id"),
    url: changed("url"),
    command: changed("command"),
    args: form.args === before.args || form.args === null ? null : form.args.split("\n").filter(Boolean),
    set_env: setValues(form.env),
    remove_env: removedNames(form.env),
    set_headers: setValues(form.headers),
    remove_headers: removedNames(form.headers),
    timeout_seconds: Number(form.timeout) === entry.timeout_seconds ? null : Number(form.timeout),
    client_id: changed("clientId"),
    scopes: form.scopes.trim() === before.scopes ? null : form.scopes.split(/\s+/).filter(Boolean),
    account: changed("account"),
  };
}

function setValues(edits: readonly ValueEdit[]): NamedValue[] {
  return edits
    .filter(({ mode, name }) => mode === "set" && name.trim() !== "")
    .map(({ name, value }) => ({ name: name.trim(), value }));
}

function removedNames(edits: readonly ValueEdit[]): string[] {
  return edits.filter(({ mode, stored }) => mode === "remove" && stored).map(({ name }) => name);
}

export type FormFault = "name_empty" | "name_taken" | "url" | "command" | "timeout";

/** The first thing that keeps the form from being saved. */
export function faultOf(entry: ServerEntry, form: EntryForm, taken: readonly string[]): FormFault | null {
  const id = form.id.trim();
  if (id === "") return "name_empty";
  if (id !== entry.id && taken.includes(id)) return "name_taken";
  if (entry.transport !== "stdio" && !URL.canParse(form.url.trim())) return "url";
  if (entry.transport === "stdio" && form.command.trim() === "") return "command";
  return Number(form.timeout) > 0 ? null : "timeout";
}
