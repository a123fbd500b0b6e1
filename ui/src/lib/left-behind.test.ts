import { describe, expect, it } from "vitest";

import { LOCALES, loadTranslator } from "./i18n/locale";
import { notRenamed, stillNamed } from "./left-behind";
import { problem } from "./mock/servers";

const entry = (name: string, path: string) => ({ client: name, name, path, entry: "notion" });
const cause = problem("client_config_read_only", "~/zed.json is read-only", "none");
const names = { old: "notion", name: "work" };

describe.each(LOCALES)("what is left in other apps, in %s", (locale) => {
  it("names each app once, and every place", async () => {
    const translator = await loadTranslator(locale);
    const entries = [entry("Zed", "~/zed.json"), entry("Zed", "~/other.json"), entry("Cursor", "~/c.json")];
    const notice = stillNamed("notion", entries, translator);
    expect(notice?.text).toContain(translator.list(["Zed", "Cursor"]));
    expect(notice?.text).toContain("notion");
    expect(notice?.lines).toEqual(["~/zed.json: notion", "~/other.json: notion", "~/c.json: notion"]);
  });

  it("says both names and why, whether or not it is known where", async () => {
    const translator = await loadTranslator(locale);
    for (const client of ["Zed", null]) {
      const notice = notRenamed(names, [{ client, cause }], translator);
      for (const word of ["notion", "work", client ?? ""]) expect(notice?.text).toContain(word);
      expect(notice?.lines).toEqual(["~/zed.json is read-only"]);
    }
  });

  it("is nothing where there is nothing", async () => {
    const translator = await loadTranslator(locale);
    expect(stillNamed("notion", [], translator)).toBeNull();
    expect(notRenamed(names, [], translator)).toBeNull();
  });
});
