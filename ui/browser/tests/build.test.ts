import { readdirSync, readFileSync, statSync } from "node:fs";

import { describe, expect, it } from "vitest";

const DIST = new URL("../../dist/", import.meta.url);
const files = readdirSync(DIST, { recursive: true, encoding: "utf8" }).filter((path) =>
  statSync(new URL(path, DIST)).isFile(),
);
const read = (path: string): string => readFileSync(new URL(path, DIST), "utf8");
const html = read("index.html");

describe("the product's build", () => {
  /** Vite writes the quotation marks as entities. */
  const policyOf = (text: string): string =>
    (/http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text)?.[1] ?? "").replaceAll("&#39;", "'");

  it("carries a strict content security policy", () => {
    const policy = policyOf(html);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
  });

  it("holds no inline script and no inline style", () => {
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
  });

  it("holds nothing of the backend in memory", () => {
    for (const path of files)
      expect(read(path), path).not.toMatch(/mcp\.notion\.com|WDJB-MJHT|Analytical Engines/);
  });

  it("refers to no address of the outside world", () => {
    const foreign =
      /https?:\/\/(?!www\.w3\.org|svelte\.dev|ipc\.localhost|mcp\.example\.com)[\w.-]+\.[a-z]{2,}/;
    for (const path of files) expect(foreign.exec(read(path))?.[0], path).toBeUndefined();
  });

  it("is small", () => {
    const scripts = files
      .filter((path) => path.endsWith(".js"))
      .map((path) => statSync(new URL(path, DIST)).size);
    expect(Math.max(...scripts)).toBeLessThan(250_000);
  });
});
