// Which language to speak, and fetching its words: only the one in use is loaded.

import type { Language } from "../bindings";
import { type Catalogue, type Locale, Translator } from "./translate";

export const LOCALES: readonly Locale[] = ["en", "ja", "ko", "zh-Hans", "zh-Hant"];

/** Each language's name in itself. */
export const ENDONYMS: Readonly<Record<Locale, string>> = {
  en: "English",
  ja: "日本語",
  ko: "한국어",
  "zh-Hans": "简体中文",
  "zh-Hant": "繁體中文",
};

const CATALOGUES: Readonly<Record<Locale, () => Promise<Catalogue>>> = {
  en: async () => (await import("./catalogues/en")).en,
  ja: async () => (await import("./catalogues/ja")).ja,
  ko: async () => (await import("./catalogues/ko")).ko,
  "zh-Hans": async () => (await import("./catalogues/zh-Hans")).zhHans,
  "zh-Hant": async () => (await import("./catalogues/zh-Hant")).zhHant,
};

export async function loadTranslator(locale: Locale): Promise<Translator> {
  return new Translator(locale, await CATALOGUES[locale]());
}

/** The chosen language, or the first of the system's that we speak, or English. */
export function resolve(language: Language, system: readonly string[]): Locale {
  if (language !== "system") return language;
  for (const tag of system) {
    const locale = closest(tag);
    if (locale) return locale;
  }
  return "en";
}

/** Chinese goes by script, and by region where no script is said. */
function closest(tag: string): Locale | undefined {
  const maximized = parsed(tag)?.maximize();
  if (!maximized) return undefined;
  const { language, script, region } = maximized;
  if (language === "zh") return script === "Hant" || region === "TW" ? "zh-Hant" : "zh-Hans";
  return LOCALES.find((locale) => locale === language);
}

/** WebKitGTK passes the system's own names on, `C` among them, which are no language tags. */
function parsed(tag: string): Intl.Locale | null {
  try {
    return new Intl.Locale(tag.replace("_", "-"));
  } catch {
    return null;
  }
}
