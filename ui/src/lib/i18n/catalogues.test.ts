import { describe, expect, it } from "vitest";

import { en } from "./catalogues/en";
import { ja } from "./catalogues/ja";
import { ko } from "./catalogues/ko";
import { zhHans } from "./catalogues/zh-Hans";
import { zhHant } from "./catalogues/zh-Hant";
import type { Catalogue, Key, Plural } from "./translate";

const KEYS = Object.keys(en) as Key[];
const OTHERS: readonly [string, Catalogue][] = [
  ["ja", ja],
  ["ko", ko],
  ["zh-Hans", zhHans],
  ["zh-Hant", zhHant],
];

const texts = (message: string | Plural): string[] =>
  typeof message === "string" ? [message] : Object.values(message);

const placeholders = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();

describe.each(OTHERS)("the %s catalogue", (_, catalogue) => {
  it("has exactly the keys of English, in the same order", () => {
    expect(Object.keys(catalogue)).toEqual(KEYS);
  });

  it.each(KEYS)("says %s with the same placeholders", (key) => {
    const expected = placeholders(texts(en[key]).at(-1) ?? "");
    for (const text of texts(catalogue[key])) expect(placeholders(text)).toEqual(expected);
  });

  it("leaves no message empty", () => {
    for (const key of KEYS) for (const text of texts(catalogue[key])) expect(text.trim(), key).not.toBe("");
  });
});

describe("the English catalogue", () => {
  it("gives a plural message a count in each form", () => {
    const plurals = KEYS.map((key) => en[key]).filter((message) => typeof message !== "string");
    for (const message of plurals)
      for (const text of texts(message)) expect(placeholders(text)).toContain("count");
  });
});
