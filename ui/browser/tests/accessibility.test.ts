import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { SCENARIO_NAMES } from "../../src/lib/mock/scenarios";
import { Panels } from "../browser";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let panels: Panels;
beforeAll(async () => {
  panels = await Panels.open();
});
afterAll(() => panels.close());

/** Loaded past the content security policy, which rightly lets no foreign script in. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResults> } }).axe.run({
      resultTypes: ["violations"],
    }),
  );
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}

type Step = (page: Page) => Promise<unknown>;
const press =
  (name: string | RegExp): Step =>
  (page) =>
    page.getByRole("button", { name }).first().click();
const tab =
  (name: string): Step =>
  (page) =>
    page.getByRole("tab", { name }).click();

const VIEWS: readonly [string, string, Step[]][] = [
  ["the tools", "three", [tab("Tools"), (page) => page.getByText("Searches pages").click()]],
  ["the sign-in steps", "everyday", [tab("Sign-in steps")]],
  ["the log", "everyday", [tab("Log")]],
  ["the settings", "three", [press("Settings")]],
  ["the menu", "three", [press("More actions")]],
  ["the sign-out report", "three", [press("Disconnect")]],
  [
    "adding by address",
    "three",
    [press("Add server"), (page) => page.keyboard.type("https://mcp.slack.com/mcp")],
  ],
  [
    "adding a program",
    "three",
    [press("Add server"), (page) => page.getByText("Local program").last().click()],
  ],
  [
    "editing",
    "three",
    [press("More actions"), (page) => page.getByRole("menuitem", { name: "Edit…" }).click()],
  ],
  ["the client id", "client", [press("Enter client ID…")]],
  ["the import's apps", "three", [press("Import from")]],
  ["the import's preview", "three", [press("Import from"), press(/Claude Desktop/)]],
  ["use in…", "three", [press("Use in…")]],
  ["the apps", "held", [press("Apps")]],
  ["no apps", "three", [press("Apps")]],
  ["the review", "held", [press("Review…")]],
  ["a tool that is held back", "held", [tab("Tools"), (page) => page.getByText("Searches pages").click()]],
  ["an app's rules", "held", [press("Apps"), press("Servers and tools of Home automation")]],
  ["revoking", "held", [press("Apps"), press("Revoke Zed")]],
  [
    "another app's key",
    "held",
    [
      press("Apps"),
      press("Other app…"),
      (page) => page.keyboard.type("My agent"),
      press("Make key"),
      (page) => page.getByRole("region", { name: "Snippet with the key" }).waitFor(),
    ],
  ],
  ["the shortcuts", "three", [press("Keyboard shortcuts")]],
];

describe.each(["light", "dark"] as const)("in the %s scheme", (scheme) => {
  it.each(SCENARIO_NAMES)("“%s” has no accessibility violation and no error", async (scenario) => {
    const { page, errors } = await panels.page(`scenario=${scenario}&pace=0`, { scheme });
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it.each(VIEWS)("%s have no accessibility violation and no error", async (_, scenario, steps) => {
    const { page, errors } = await panels.page(`scenario=${scenario}&pace=0`, { scheme });
    for (const step of steps) await step(page);
    await page.clock.runFor(1000);
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it("every state of a server has no accessibility violation", async () => {
    const { page } = await panels.page("scenario=states&pace=0", { scheme });
    const rows = page.getByRole("option");
    for (let row = 0; row < (await rows.count()); row += 1) {
      await rows.nth(row).click();
      expect(await violations(page), await rows.nth(row).innerText()).toEqual([]);
    }
    await page.context().close();
  });
});
