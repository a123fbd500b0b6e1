import { describe, expect, it } from "vitest";

import type { UseInNote } from "./bindings";
import { LOCALES, loadTranslator } from "./i18n/locale";
import { noteInWords } from "./use-in-notes";

const NOTES: readonly UseInNote[] = [
  { code: "omlx_looks_elsewhere", path: "~/planted.json" },
  { code: "omlx_refuses_file", path: "~/planted.json", refusal: "planted refusal" },
  { code: "later_servers", client: "Planted App" },
];

describe.each(LOCALES)("what is worth knowing of a use, in %s", (locale) => {
  it.each(NOTES)("names what it is about: $code", async (note) => {
    const { t } = await loadTranslator(locale);
    const { code, ...values } = note;
    expect(noteInWords(note, t)).not.toContain(code);
    for (const value of Object.values(values)) expect(noteInWords(note, t)).toContain(value);
  });
});

describe("what the panel says elsewhere", () => {
  it("is not said twice", async () => {
    const { t } = await loadTranslator("en");
    expect(noteInWords({ code: "restart_client", client: "Zed" }, t)).toBeNull();
    expect(noteInWords({ code: "gateway_away", address: "http://127.0.0.1:1" }, t)).toBeNull();
  });
});
