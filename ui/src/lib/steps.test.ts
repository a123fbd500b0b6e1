import { describe, expect, it } from "vitest";

import { steps } from "./mock/content";
import { asReport, groupedByStage } from "./steps";

describe("the steps of a sign-in", () => {
  it("stand under their stage, and a refused one is marked", () => {
    const groups = groupedByStage(steps("https://mcp.notion.com/mcp", true));
    expect(groups.map(({ stage, ok }) => [stage, ok])).toEqual([
      ["challenge", true],
      ["resource_metadata", true],
      ["server_metadata", true],
      ["registration", true],
      ["authorization", true],
      ["token", true],
      ["identity", true],
      ["refresh", false],
    ]);
  });

  it("become a report of one line each", () => {
    const report = asReport(steps("https://mcp.notion.com/mcp", false)).split("\n");
    expect(report).toHaveLength(8);
    expect(report[0]).toContain("401  the server asks for a Bearer token");
  });
});
