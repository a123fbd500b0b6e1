// Typed messages: a key that does not exist, or a placeholder left out, does not compile.

import type { Language } from "../bindings";
import type { en } from "./catalogues/en";

export type Locale = Exclude<Language, "system">;

type English = typeof en;
export type Key = keyof English;

/** Plural forms as Intl.PluralRules names them; `other` is what every language has. */
export type Plural = { readonly one?: string; readonly other: string };

/** Every language has exactly the keys of English, plural where English is. */
export type Catalogue = { readonly [K in Key]: English[K] extends string ? string : Plural };

type Text<M> = M extends string ? M : M extends Plural ? M["other"] : never;
type Placeholder<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholder<Rest> : never;
type Values<K extends Key> = Record<Placeholder<Text<English[K]>>, string | number>;

/** A key alone where the message has no placeholder, a key with its values where it has. */
export type Arguments<K extends Key> = [Placeholder<Text<English[K]>>] extends [never] ? [] : [Values<K>];

/** The keys whose message says all by itself: what a table of labels may hold. */
export type PlainKey = { [K in Key]: Arguments<K> extends [] ? K : never }[Key];

export type Translate = <K extends Key>(key: K, ...values: Arguments<K>) => string;

/** One language: its words, and Intl's ways with numbers, dates and lists. */
export class Translator {
  readonly t: Translate;
  readonly #number: Intl.NumberFormat;
  readonly #plural: Intl.PluralRules;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #dateTime: Intl.DateTimeFormat;
  readonly #clock: Intl.DateTimeFormat;
  readonly #list: Intl.ListFormat;

  constructor(
    readonly locale: Locale,
    readonly catalogue: Catalogue,
  ) {
    this.#number = new Intl.NumberFormat(locale);
    this.#plural = new Intl.PluralRules(locale);
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    this.#dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
    this.#clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    this.#list = new Intl.ListFormat(locale, { type: "conjunction" });
    this.t = (key, ...values) => this.#fill(this.catalogue[key], values[0] ?? {});
  }

  /** "in 12 seconds", "3 days ago", in the largest unit that fits. */
  relative(at: Date, now: Date): string {
    const seconds = Math.round((at.getTime() - now.getTime()) / 1000);
    const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? SECOND;
    return this.#relative.format(Math.trunc(seconds / size), unit);
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  dateTime(at: Date): string {
    return this.#dateTime.format(at);
  }

  /** The time of day with seconds. */
  clock(at: Date): string {
    return this.#clock.format(at);
  }

  /** "Cursor, Zed, and Codex" */
  list(names: readonly string[]): string {
    return this.#list.format(names.map(isolated));
  }

  #fill(message: string | Plural, values: Record<string, string | number>): string {
    return this.#form(message, values).replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "number" ? this.#number.format(value) : isolated(value ?? whole);
    });
  }

  /** A plural message goes by its `count`. */
  #form(message: string | Plural, { count }: Record<string, string | number>): string {
    if (typeof message === "string") return message;
    const isOne = typeof count === "number" && this.#plural.select(count) === "one";
    return (isOne ? message.one : undefined) ?? message.other;
  }
}

/** A name written from right to left must not pull the words around it along. */
function isolated(text: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text;
}

const SECOND = [1, "second"] as const;
const UNITS = [
  [31_536_000, "year"],
  [2_592_000, "month"],
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  SECOND,
] as const;
