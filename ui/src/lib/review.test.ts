import { describe, expect, it } from "vitest";

import type { HeldTool } from "./bindings";
import { changesOf } from "./review";

const held = (client: string, changes: Partial<HeldTool> = {}): HeldTool => ({
  client,
  server: "notion",
  tool: "search",
  version: "2",
  approved_at: "2026-01-01T00:00:00Z",
  changed_at: "2026-02-01T00:00:00Z",
  diff: [{ kind: "added", text: "new" }],
  ...changes,
});

describe("a review", () => {
  it("shows the same change for several apps once, with all of them", () => {
    const changes = changesOf([held("Cursor"), held("Zed"), held("Zed", { tool: "fetch" })], null);
    expect(changes.map(({ tool, clients }) => [tool, clients])).toEqual([
      ["fetch", ["Zed"]],
      ["search", ["Cursor", "Zed"]],
    ]);
  });

  it("keeps apart what one app approved otherwise", () => {
    const other = held("Zed", { diff: [{ kind: "added", text: "more" }] });
    expect(changesOf([held("Cursor"), other], null)).toHaveLength(2);
    expect(changesOf([held("Cursor"), held("Zed", { version: "3" })], null)).toHaveLength(2);
  });

  it("can be of one server alone", () => {
    const changes = changesOf([held("Cursor"), held("Cursor", { server: "linear" })], "linear");
    expect(changes.map(({ server }) => server)).toEqual(["linear"]);
  });
});
