import { describe, expect, it } from "vitest";

import { loadTranslator, LOCALES, resolve } from "./locale";

const NOW = new Date("2026-03-04T09:41:00Z");
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

describe("a translator", () => {
  it("chooses the plural form and writes the number as its language does", async () => {
    const english = await loadTranslator("en");
    expect(english.t("tools.count", { count: 1 })).toBe("1 tool");
    expect(english.t("tools.count", { count: 1234 })).toBe("1,234 tools");
    expect((await loadTranslator("ja")).t("tools.count", { count: 1 })).toBe("ツール 1 個");
  });

  it("puts in what looks like a placeholder as plain text", async () => {
    const english = await loadTranslator("en");
    expect(english.t("list.no_match", { query: "{count} $&" })).toBe("Nothing matches “{count} $&”");
  });

  it("keeps a name written from right to left to itself", async () => {
    const english = await loadTranslator("en");
    expect(english.t("toast.removed", { name: "שרת" })).toBe("\u2068שרת\u2069 removed");
  });

  it.each([
    [12, "in 12 seconds"],
    [-90, "1 minute ago"],
    [2 * 3600, "in 2 hours"],
    [-86_400, "yesterday"],
    [-40 * 86_400, "last month"],
  ])("tells a distance of %d seconds in the largest unit", async (seconds, words) => {
    expect((await loadTranslator("en")).relative(later(seconds), NOW)).toBe(words);
  });

  it.each(LOCALES)("has every message of %s at hand", async (locale) => {
    expect((await loadTranslator(locale)).t("auth.authenticated")).not.toBe("");
  });
});

describe("the language", () => {
  it("is the chosen one", () => {
    expect(resolve("ko", ["ja"])).toBe("ko");
  });

  it.each([
    [["fr-CA", "ja-JP"], "ja"],
    [["zh"], "zh-Hans"],
    [["zh-CN"], "zh-Hans"],
    [["zh-TW"], "zh-Hant"],
    [["zh-HK"], "zh-Hant"],
    [["zh-Hant-US"], "zh-Hant"],
    [["en-GB"], "en"],
    [["fr"], "en"],
    [["C", "", "c.UTF-8", "ja_JP"], "ja"],
    [["C"], "en"],
    [[], "en"],
  ] as const)("for a system that speaks %j is %s", (system, locale) => {
    expect(resolve("system", system)).toBe(locale);
  });
});
