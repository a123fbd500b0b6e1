// The keyboard's ways in. One table: what is listed is what works.

import type { PlainKey } from "./i18n/translate";

export type Command =
  "add" | "search" | "settings" | "import" | "undo" | "shortcuts" | "needy" | "back" | Tab;
export type Tab = "overview" | "tools" | "steps" | "log";

export const TABS: readonly Tab[] = ["overview", "tools", "steps", "log"];

export type Shortcut = { command: Command; key: string; mod: boolean; shift?: boolean; label: PlainKey };

export const SHORTCUTS: readonly Shortcut[] = [
  { command: "add", key: "n", mod: true, label: "shortcut.add" },
  { command: "import", key: "i", mod: true, shift: true, label: "shortcut.import" },
  { command: "search", key: "f", mod: true, label: "shortcut.search" },
  { command: "needy", key: "j", mod: true, label: "shortcut.needy" },
  { command: "overview", key: "1", mod: true, label: "shortcut.overview" },
  { command: "tools", key: "2", mod: true, label: "shortcut.tools" },
  { command: "steps", key: "3", mod: true, label: "shortcut.steps" },
  { command: "log", key: "4", mod: true, label: "shortcut.log" },
  { command: "undo", key: "z", mod: true, label: "shortcut.undo" },
  { command: "settings", key: ",", mod: true, label: "shortcut.settings" },
  { command: "shortcuts", key: "/", mod: true, label: "shortcut.shortcuts" },
  { command: "back", key: "Escape", mod: false, label: "shortcut.back" },
];

export type KeyPress = Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "shiftKey" | "altKey">;

/** `mac` decides which of ⌘ and Ctrl is the modifier; the other one is left to the system. */
export function commandFor(press: KeyPress, mac: boolean): Command | null {
  const mod = mac ? press.metaKey : press.ctrlKey;
  if (press.altKey || (mac ? press.ctrlKey : press.metaKey)) return null;
  const found = SHORTCUTS.find(
    (shortcut) =>
      shortcut.key.toLowerCase() === press.key.toLowerCase() &&
      shortcut.mod === mod &&
      (shortcut.shift ?? false) === press.shiftKey,
  );
  return found?.command ?? null;
}

const KEY_NAMES: Readonly<Record<string, string>> = { Escape: "Esc" };

export function keysOf({ key, mod, shift }: Shortcut, mac: boolean): string[] {
  const name = KEY_NAMES[key] ?? key.toUpperCase();
  return [...(shift ? [mac ? "⇧" : "Shift"] : []), ...(mod ? [mac ? "⌘" : "Ctrl"] : []), name];
}

/** As `aria-keyshortcuts` wants it. */
export function ariaKeys(command: Command, mac: boolean): string | undefined {
  const shortcut = SHORTCUTS.find((each) => each.command === command);
  if (!shortcut) return undefined;
  const parts = [shortcut.mod && (mac ? "Meta" : "Control"), shortcut.shift && "Shift", shortcut.key];
  return parts.filter(Boolean).join("+");
}

export function isMac(platform: string): boolean {
  return /mac|iphone|ipad/i.test(platform);
}
