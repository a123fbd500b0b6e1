import { mount } from "svelte";

import App from "./App.svelte";
import type { Backend } from "./lib/backend";
import type { Settings } from "./lib/bindings";
import { I18n } from "./lib/state/i18n.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

/** In an ordinary browser there is no shell, so development and tests have one in memory. */
async function connect(): Promise<Backend> {
  if (__MOCK__ && !("__TAURI_INTERNALS__" in window)) {
    const { fromLocation } = await import("./lib/mock/location");
    return fromLocation(window.location.search);
  }
  const { tauri } = await import("./lib/tauri");
  return tauri;
}

async function start(target: HTMLElement): Promise<void> {
  const backend = await connect();
  // Without its settings the panel still opens, in the system's language.
  const settings = await backend.settings().catch((): Settings | null => null);
  const i18n = await I18n.load(settings?.language ?? "system");
  document.documentElement.lang = i18n.translator.locale;
  mount(App, { target, props: { backend, i18n, settings } });
}

const target = document.getElementById("app");
if (target) void start(target);
