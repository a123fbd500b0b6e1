// The tray and the notifications speak the panel's words: the shell's catalogues are written from the panel's.

import { readFileSync, writeFileSync } from "node:fs";
import { env } from "node:process";

import { describe, expect, it } from "vitest";

import { LOCALES, loadTranslator } from "../lib/i18n/locale";
import type { Catalogue, Key, Plural } from "../lib/i18n/translate";

const FILE = new URL("../../../src-tauri/src/words/catalogues.rs", import.meta.url);

/** What the shell says; a field of its `Words` each. */
const SPOKEN = [
  "auth.unknown",
  "auth.not_required",
  "auth.not_authenticated",
  "auth.preparing",
  "auth.waiting_browser",
  "auth.enter_code",
  "auth.authenticated",
  "auth.refresh_failed",
  "auth.insufficient_scope",
  "auth.locked",
  "connection.disabled",
  "connection.connecting",
  "action.allow",
  "action.retry",
  "list.needy",
  "list.joined",
  "tools.count",
  "banner.paused_title",
  "banner.locked_title",
  "settings.paused",
  "tray.add",
  "tray.more",
  "tray.config",
  "tray.connect",
  "tray.reauthenticate",
  "tray.allow",
  "tray.unlock",
  "tray.waiting",
  "tray.failed",
  "tray.settings",
  "tray.launch",
  "tray.about",
  "tray.quit",
  "tray.claim",
  "notice.sign_in",
  "notice.again",
  "notice.more",
  "notice.held",
  "notice.held_text",
  "notice.review",
  "notice.log_in",
  "notice.show",
] as const satisfies readonly Key[];

const field = (key: Key): string => key.replaceAll(".", "_");

function value(message: string | Plural): string {
  if (typeof message === "string") return JSON.stringify(message);
  const { one = message.other, other } = message;
  return `Plural {\n        one: ${JSON.stringify(one)},\n        other: ${JSON.stringify(other)},\n    }`;
}

function written(locale: string, catalogue: Catalogue): string {
  const name = locale.toUpperCase().replace("-", "_");
  const fields = SPOKEN.map((key) => `    ${field(key)}: ${value(catalogue[key])},\n`).join("");
  return `\npub(super) const ${name}: Words = Words {\n${fields}};\n`;
}

describe("the shell's words", () => {
  it("are the panel's", async () => {
    const translators = await Promise.all(LOCALES.map(loadTranslator));
    const catalogues = translators.map(({ locale, catalogue }) => written(locale, catalogue));
    const head =
      "// Written from the panel's catalogues: `make bindings` does it.\n\nuse super::{Plural, Words};\n";
    const text = head + catalogues.join("");
    if (env["OMLX_WRITE_BINDINGS"]) writeFileSync(FILE, text);
    expect(readFileSync(FILE, "utf8"), "`make bindings` writes them anew").toBe(text);
  });
});
