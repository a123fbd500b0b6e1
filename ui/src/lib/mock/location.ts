// The backend in memory as the address bar asks for it: `?scenario=offline&lang=ja&pace=300`.

import type { Language } from "../bindings";
import { LOCALES } from "../i18n/locale";
import { MockBackend, type MockOptions } from "./mock";
import { SCENARIO_NAMES } from "./scenarios";

export function fromLocation(search: string): MockBackend {
  const asked = new URLSearchParams(search);
  const scenario = SCENARIO_NAMES.find((name) => name === asked.get("scenario"));
  const language: Language = LOCALES.find((locale) => locale === asked.get("lang")) ?? "system";
  const options: MockOptions = { pace: Number(asked.get("pace") ?? 400), settings: { language } };
  return new MockBackend(scenario ? { ...options, scenario } : options);
}
