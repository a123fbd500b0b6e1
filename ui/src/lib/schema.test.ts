import { describe, expect, it } from "vitest";

import { propertiesOf } from "./schema";

describe("a tool's schema", () => {
  it("becomes rows", () => {
    const schema = {
      properties: {
        query: { type: "string", description: "What" },
        ids: { type: "array", items: { type: "integer" } },
        mode: { enum: ["a", "b"] },
        since: { anyOf: [{ type: "string" }, { type: "null" }] },
      },
      required: ["query"],
    };
    expect(propertiesOf(schema).map(({ name, type, required }) => [name, type, required])).toEqual([
      ["query", "string", true],
      ["ids", "integer[]", false],
      ["mode", '"a" | "b"', false],
      ["since", "string | null", false],
    ]);
  });

  it.each([null, true, "text", [], {}, { properties: [] }, { properties: { x: null } }])(
    "of any other shape (%j) breaks nothing",
    (schema) => {
      expect(() => propertiesOf(schema)).not.toThrow();
    },
  );

  it("that contains itself deeply is cut short", () => {
    let deep: { type: string; items?: object } = { type: "string" };
    for (let level = 0; level < 50; level += 1) deep = { type: "array", items: deep };
    expect(propertiesOf({ properties: { deep } } as never)[0]?.type).toBe("any[][][][][]");
  });
});
