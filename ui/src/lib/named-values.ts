// `NAME=value` lines, as environment variables are written.

import type { NamedValue } from "./bindings";

/** Lines without a name are left out; a value may hold further `=`. */
export function namedValues(text: string): NamedValue[] {
  return text
    .split("\n")
    .map((line) => {
      const at = Math.max(0, line.indexOf("="));
      return { name: line.slice(0, at).trim(), value: line.slice(at + 1) };
    })
    .filter(({ name }) => name !== "");
}
