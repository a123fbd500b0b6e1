// The keyboard's ways in. One table: what is listed is what works.

import type { PlainKey } from "./i18n/translate";

export type Command =
  "add" | "search" | "settings" | "apps" | "import" | "undo" | "shortcuts" | "needy" | "back" | Tab;
export type Tab = "overview" | "tools" | "steps" | "log";

export const TABS: readonly Tab[] = ["overview", "tools", "steps", "log"];

export type Shortcut = { command: Command; key: string; mod: boolean; label: PlainKey };

export const SHORTCUTS: readonly Shortcut[] = [
  { command: "add", key: "n", mod: true, label: "shortcut.add" },
  { command: "import", key: "o", mod: true, label: "shortcut.import" },
  { command: "search", key: "f", mod: true, label: "shortcut.search" },
  { command: "needy", key: "j", mod: true, label: "shortcut.needy" },
  { command: "overview", key: "1", mod: true, label: "shortcut.overview" },
  { command: "tools", key: "2", mod: true, label: "shortcut.tools" },
  { command: "steps", key: "3", mod: true, label: "shortcut.steps" },
  { command: "log", key: "4", mod: true, label: "shortcut.log" },
  { command: "undo", key: "z", mod: true, label: "shortcut.undo" },
  { command: "settings", key: ",", mod: true, label: "shortcut.settings" },
  { command: "apps", key: "k", mod: true, label: "shortcut.apps" },
  { command: "shortcuts", key: "/", mod: true, label: "shortcut.shortcuts" },
  { command: "back", key: "Escape", mod: false, label: "shortcut.back" },
];

export type KeyPress = Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "shiftKey" | "altKey">;

/** `mac` decides which of ⌘ and Ctrl is the modifier; the other one is left to the system. */
export function commandFor(press: KeyPress, mac: boolean): Command | null {
  if (press.altKey || (mac ? press.ctrlKey : press.metaKey)) return null;
  // Where "/" sits above another key, Shift is part of typing it.
  if (press.shiftKey && /^\w+$/.test(press.key)) return null;
  const mod = mac ? press.metaKey : press.ctrlKey;
  return SHORTCUTS.find((each) => each.key === press.key && each.mod === mod)?.command ?? null;
}

const KEY_NAMES: Readonly<Record<string, string>> = { Escape: "Esc" };

export function keysOf({ key, mod }: Shortcut, mac: boolean): string[] {
  return [...(mod ? [mac ? "⌘" : "Ctrl"] : []), KEY_NAMES[key] ?? key.toUpperCase()];
}

/** As `aria-keyshortcuts` wants it. */
export function ariaKeys(command: Command, mac: boolean): string | undefined {
  const shortcut = SHORTCUTS.find((each) => each.command === command);
  if (!shortcut) return undefined;
  return shortcut.mod ? `${mac ? "Meta" : "Control"}+${shortcut.key}` : shortcut.key;
}

export function isMac(platform: string): boolean {
  return /mac|iphone|ipad/i.test(platform);
}
