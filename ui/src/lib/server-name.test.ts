import { describe, expect, it } from "vitest";

import { hostOf, parseServerUrl, suggestedName } from "./server-name";

describe("a suggested name", () => {
  it.each([
    ["https://mcp.notion.com/mcp", "notion"],
    ["https://api.githubcopilot.com/mcp/", "githubcopilot"],
    ["https://mcp.eu.example.co.uk/", "example"],
    ["http://127.0.0.1:9000/mcp", "local"],
    ["http://localhost:3000", "local"],
    ["not a url", ""],
  ])("of %s is %s", (url, name) => {
    expect(suggestedName(url, [])).toBe(name);
  });

  it("is made unique", () => {
    expect(suggestedName("https://mcp.notion.com/mcp", ["notion", "notion-2"])).toBe("notion-3");
  });

  it("comes only from addresses a server can be at", () => {
    for (const text of ["javascript:alert(1)", "file:///etc/passwd", "ftp://x", ""]) {
      expect(parseServerUrl(text)).toBeNull();
    }
    expect(hostOf("no url")).toBe("no url");
  });
});
