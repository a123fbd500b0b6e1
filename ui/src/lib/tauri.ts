// The seam over Tauri's IPC: one line for each command.

import { invoke } from "@tauri-apps/api/core";
import { listen, type EventCallback } from "@tauri-apps/api/event";

import type { AppsBackend, Backend, Unsubscribe } from "./backend";
import type { AccessSnapshot, Event, Place, Settings, Snapshot } from "./bindings";

/** `listen` answers late; whoever unsubscribes before that must not be called any more. */
function subscribe<T>(name: string, callback: (payload: T) => void): Unsubscribe {
  let live = true;
  const forward: EventCallback<T> = ({ payload }) => {
    if (live) callback(payload);
  };
  const listening = listen<T>(name, forward);
  return () => {
    live = false;
    void listening.then((unlisten) => {
      unlisten();
    });
  };
}

const apps: AppsBackend = {
  state: () => invoke("access"),
  onState: (callback) => subscribe<AccessSnapshot>("access", callback),
  onCalls: (callback) => subscribe<null>("calls", callback),
  held: () => invoke("held_tools"),
  approve: (client, server, tools) => invoke("approve_tools", { client, server, tools }),
  revoke: (client) => invoke("revoke_client", { client }),
  rename: (client, name) => invoke("rename_client", { client, name }),
  setRules: (client, rules) => invoke("set_client_rules", { client, rules }),
  calls: (client) => invoke("calls", { client }),
  issue: (name, id) => invoke("other_app", { name, id }),
};

export const tauri: Backend = {
  snapshot: () => invoke("snapshot"),
  onSnapshot: (callback) => subscribe<Snapshot>("snapshot", callback),
  onEvent: (callback) => subscribe<Event>("event", callback),

  signIn: (id) => invoke("sign_in", { id }),
  cancelSignIn: (id) => invoke("cancel_sign_in", { id }),
  copyLink: (id) => invoke("copy_link", { id }),
  openLink: (id) => invoke("open_link", { id }),
  signOut: (id) => invoke("sign_out", { id }),
  allowScopes: (id) => invoke("allow_scopes", { id }),
  enterClient: (id, client) => invoke("enter_client", { id, client }),
  unlockKeychain: () => invoke("unlock_keychain"),
  retry: (id) => invoke("retry", { id }),

  tools: (id) => invoke("tools", { id }),
  timeline: (id) => invoke("timeline", { id }),
  log: (id) => invoke("log", { id }),

  probe: (url) => invoke("probe", { url }),
  addServer: (server) => invoke("add_server", { server }),
  entry: (id) => invoke("entry", { id }),
  editServer: (id, changes) => invoke("edit_server", { id, changes }),
  setEnabled: (id, enabled) => invoke("set_enabled", { id, enabled }),
  removeServer: (id) => invoke("remove_server", { id }),
  undo: (token) => invoke("undo", { token }),
  openConfig: () => invoke("open_config"),

  importSources: () => invoke("import_sources"),
  importPreview: (source) => invoke("import_preview", { source }),
  importApply: (source, names) => invoke("import_apply", { source, names }),

  apps,

  useInClients: () => invoke("use_in_clients"),
  useInPreview: (client, id) => invoke("use_in_preview", { client, id }),
  useInApply: (client, id) => invoke("use_in_apply", { client, id }),
  useInRemove: (client, id) => invoke("use_in_remove", { client, id }),
  useInAstray: () => invoke("use_in_astray"),

  settings: () => invoke("settings"),
  setSettings: (settings) => invoke("set_settings", { settings }),
  onSettings: (callback) => subscribe<Settings>("settings", callback),
  about: () => invoke("about"),

  place: () => invoke("place"),
  onPlace: (callback) => subscribe<Place>("place", callback),
};
