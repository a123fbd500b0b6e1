import { readdirSync, readFileSync } from "node:fs";

import { parse, type AST } from "svelte/compiler";
import { describe, expect, it } from "vitest";

const SOURCE = new URL("..", import.meta.url);
const components = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".svelte"),
);

/** Attributes that people see or hear. */
const SPOKEN = new Set(["alt", "aria-description", "aria-label", "aria-roledescription", "label", "title"]);

type Node = { type: string; name?: string } & Record<string, unknown>;

function spokenTexts(node: unknown, found: string[] = []): string[] {
  if (Array.isArray(node)) node.forEach((each) => spokenTexts(each, found));
  else if (isNode(node)) {
    if (node.type === "Text") found.push((node as unknown as AST.Text).data);
    else if (node.type !== "Attribute" || SPOKEN.has(node.name ?? "")) {
      for (const value of Object.values(node)) spokenTexts(value, found);
    }
  }
  return found;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}

describe.each(components)("%s", (path) => {
  it("holds no word of any language", () => {
    const { fragment } = parse(readFileSync(new URL(path, SOURCE), "utf8"), { modern: true });
    expect(spokenTexts(fragment).filter((text) => /\p{L}/u.test(text))).toEqual([]);
  });
});
