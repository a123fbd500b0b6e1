// What an app may use, as a person chooses it: patterns become servers and tools to tick, and back.

import type { Rules, ServerId } from "./bindings";
import type { Translator } from "./i18n/translate";

/** Null stands for every tool, those that come later among them. */
export type ToolChoice = readonly string[] | null;

export type Choices = {
  mode: "all" | "some";
  /** The servers that are ticked, each with its tools. */
  servers: ReadonlyMap<ServerId, ToolChoice>;
  /** Rules say more than can be ticked: they were written by hand, and saving replaces them. */
  byHand: boolean;
};

const ALL = "*";
const EVERYTHING: Rules = { servers: [ALL], tools: [ALL] };

const isExact = (pattern: string): boolean => !/[*?]/.test(pattern);
const saysAll = (patterns: readonly string[]): boolean => patterns.includes(ALL);

/** What is left out allows everything. */
const whole = ({ servers = [ALL], tools = [ALL] }: Rules): Required<Rules> => ({ servers, tools });

/** `known` are the servers there are: what a pattern stands for. */
export function choicesOf(given: Rules, known: readonly ServerId[]): Choices {
  const rules = whole(given);
  const anyServer = saysAll(rules.servers);
  if (anyServer && saysAll(rules.tools)) return { mode: "all", servers: new Map(), byHand: false };
  const ids = rules.servers.every(isExact) ? rules.servers : known.filter(matches(rules.servers));
  const servers = new Map(ids.map((id) => [id, toolsOf(id, rules.tools, ids)]));
  const choices: Choices = { mode: "some", servers, byHand: false };
  return { ...choices, byHand: !isSame(rules, rulesOf(choices)) };
}

export function rulesOf({ mode, servers }: Choices): Rules {
  if (mode === "all") return EVERYTHING;
  const all = [...servers.values()].every((tools) => tools === null);
  const tools = [...servers].flatMap(([id, chosen]) => (chosen ?? [ALL]).map((tool) => `${id}__${tool}`));
  return { servers: [...servers.keys()], tools: all ? [ALL] : tools };
}

function toolsOf(id: ServerId, patterns: readonly string[], ids: readonly ServerId[]): ToolChoice {
  if (saysAll(patterns)) return null;
  // Of two names one of which begins like the other, a pattern belongs to the longer one.
  const owner = (pattern: string): ServerId | undefined =>
    ids.filter((each) => pattern.startsWith(`${each}__`)).sort((one, other) => other.length - one.length)[0];
  const own = patterns
    .filter((pattern) => owner(pattern) === id)
    .map((pattern) => pattern.slice(id.length + 2));
  return own.includes(ALL) ? null : own.filter(isExact);
}

function isSame(one: Rules, other: Rules): boolean {
  const text = (rules: Rules): string => {
    const { servers, tools } = whole(rules);
    return JSON.stringify([[...servers].sort(), [...tools].sort()]);
  };
  return text(one) === text(other);
}

function matches(patterns: readonly string[]): (name: string) => boolean {
  const source = patterns.map((pattern) =>
    pattern
      .replace(/[\\^$.+()|[\]{}]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", "."),
  );
  const regex = new RegExp(`^(?:${source.join("|")})$`, "su");
  return (name) => patterns.length > 0 && regex.test(name);
}

/** The rules in words. */
export function rulesInWords(rules: Rules, known: readonly ServerId[], translator: Translator): string {
  const { t } = translator;
  const { mode, servers, byHand } = choicesOf(rules, known);
  if (mode === "all") return t("apps.all_servers");
  if (byHand) return t("apps.by_hand", { rules: patternsInWords(rules) });
  if (servers.size === 0) return t("apps.no_servers");
  const named = [...servers].map(([name, tools]) =>
    tools === null ? name : t("apps.some_tools", { name, count: tools.length }),
  );
  return translator.list(named);
}

/** As they are written in a terminal. */
export function patternsInWords(rules: Rules): string {
  const { servers, tools } = whole(rules);
  return [...servers, ...(saysAll(tools) ? [] : tools)].join(", ");
}
