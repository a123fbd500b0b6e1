import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";

import { Panels, type Look } from "../browser";

const FOLDER = new URL("../../../docs/screenshots/", import.meta.url);

type Step = (page: Page) => Promise<unknown>;
type Shot = { name: string; query: string; steps?: Step[]; look?: Look };

const press =
  (name: string | RegExp): Step =>
  (page) =>
    page.getByRole("button", { name }).first().click();
const item =
  (name: string): Step =>
  (page) =>
    page.getByRole("menuitem", { name }).click();
const tab =
  (name: string): Step =>
  (page) =>
    page.getByRole("tab", { name }).click();
const server =
  (name: string): Step =>
  (page) =>
    page.getByRole("option", { name }).click();
const type =
  (text: string): Step =>
  (page) =>
    page.keyboard.type(text);

const NARROW: Look = { width: 640, height: 620 };

const SHOTS: readonly Shot[] = [
  { name: "authenticated", query: "scenario=everyday" },
  { name: "not-authenticated", query: "scenario=everyday", steps: [server("stripe")] },
  { name: "waiting-for-the-browser", query: "scenario=browser" },
  { name: "device-code", query: "scenario=device" },
  { name: "refresh-failed", query: "scenario=everyday", steps: [server("sentry")] },
  { name: "more-permission", query: "scenario=everyday", steps: [server("github")] },
  { name: "keychain-locked", query: "scenario=locked" },
  { name: "offline", query: "scenario=offline" },
  { name: "connection-failed", query: "scenario=failed" },
  { name: "config-mistake", query: "scenario=broken" },
  { name: "empty", query: "scenario=empty" },
  { name: "loading", query: "scenario=loading" },
  {
    name: "tools",
    query: "scenario=three",
    steps: [tab("Tools"), (page) => page.getByText("Searches pages").click()],
  },
  { name: "sign-in-steps", query: "scenario=everyday", steps: [server("sentry"), tab("Sign-in steps")] },
  { name: "log", query: "scenario=three", steps: [tab("Log")] },
  { name: "disconnected", query: "scenario=three", steps: [press("Disconnect")] },
  {
    name: "add-server",
    query: "scenario=three",
    steps: [press("Add server"), type("https://mcp.asana.com/mcp")],
  },
  { name: "enter-client-id", query: "scenario=client", steps: [press("Enter client ID…")] },
  { name: "edit", query: "scenario=three", steps: [press("More actions"), item("Edit…")] },
  { name: "import", query: "scenario=three", steps: [press("Import from"), press(/Claude Desktop/)] },
  { name: "use-in", query: "scenario=three", steps: [press("Use in…")] },
  { name: "apps", query: "scenario=held", steps: [press("Apps")] },
  { name: "apps-none", query: "scenario=three", steps: [press("Apps")] },
  {
    name: "tool-held-back",
    query: "scenario=held",
    steps: [tab("Tools"), (page) => page.getByText("Searches pages").click()],
  },
  { name: "review", query: "scenario=held", steps: [press("Apps"), press("Review…")] },
  {
    name: "app-rules",
    query: "scenario=held",
    steps: [press("Apps"), press("Servers and tools of Home automation")],
  },
  {
    name: "other-app",
    query: "scenario=held",
    steps: [press("Apps"), press("Other app…"), type("My agent"), press("Make key")],
  },
  { name: "settings", query: "scenario=three", steps: [press("Settings")] },
  { name: "removed", query: "scenario=many", steps: [press("More actions"), item("Remove")] },
  { name: "narrow-and-long", query: "scenario=long", look: NARROW },
  { name: "japanese", query: "scenario=everyday&lang=ja", steps: [server("sentry")], look: NARROW },
];

let panels: Panels;
beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  // What is in folders below is not made here.
  for (const entry of readdirSync(FOLDER)) if (entry.endsWith(".png")) rmSync(new URL(entry, FOLDER));
  panels = await Panels.open();
});
afterAll(() => panels.close());

async function shoot({ query, steps = [], look }: Shot, scheme: "light" | "dark"): Promise<Buffer> {
  const { page } = await panels.page(`${query}&pace=0`, { width: 880, height: 620, ...look, scheme });
  for (const step of steps) {
    await step(page);
    await page.clock.runFor(600);
  }
  await page.mouse.move(0, 0);
  const picture = await page.screenshot({ animations: "disabled" });
  await page.context().close();
  return picture;
}

/** Light at the left, dark at the right, as few colours as look the same. */
function keep(name: string, pictures: readonly Buffer[]): void {
  const parts = pictures.map((picture, index) => {
    const part = new URL(`${name}.${String(index)}.png`, FOLDER).pathname;
    writeFileSync(part, picture);
    return part;
  });
  const whole = new URL(`${name}.png`, FOLDER).pathname;
  execFileSync("convert", [...parts, "+append", "-strip", whole]);
  execFileSync("pngquant", [
    "--force",
    "--strip",
    "--speed=1",
    "--quality=70-95",
    `--output=${whole}`,
    "96",
    whole,
  ]);
  for (const part of parts) rmSync(part);
}

describe("a screenshot", () => {
  it.each(SHOTS)("of $name", async (shot) => {
    keep(shot.name, [await shoot(shot, "light"), await shoot(shot, "dark")]);
  });
});
