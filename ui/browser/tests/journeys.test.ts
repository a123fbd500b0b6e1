import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Panels } from "../browser";

let panels: Panels;
beforeAll(async () => {
  panels = await Panels.open();
});
afterAll(() => panels.close());

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.textContent.trim() ?? "";
  });

const keys = async (page: Page, ...pressed: string[]): Promise<void> => {
  for (const key of pressed) await page.keyboard.press(key);
};

const title = (page: Page): Promise<string> => page.locator("h1").innerText();

describe("with the keyboard alone", () => {
  it("one walks the list, enters the page, and comes back", async () => {
    const { page } = await panels.page("scenario=everyday&pace=0");
    await keys(page, "Control+f", "ArrowDown");
    expect(await focused(page)).toBe("Servers");
    await keys(page, "ArrowDown", "ArrowDown");
    expect(await title(page)).toBe("sentry");
    await keys(page, "Enter", "Tab");
    expect(await focused(page)).toBe("Use in…");
    await keys(page, "Escape");
    expect(await focused(page)).toBe("Servers");
    await keys(page, "End");
    expect(await title(page)).toBe("atlassian");
    await page.keyboard.type("fi");
    expect(await title(page)).toBe("filesystem");
    await page.context().close();
  });

  it("one connects a server that asks for it", async () => {
    const { page } = await panels.page("scenario=everyday&pace=0");
    await keys(page, "Control+j", "Control+j", "Control+j", "Control+j");
    expect(await title(page)).toBe("stripe");
    await page.getByRole("button", { name: "Connect", exact: true }).focus();
    await keys(page, "Enter");
    await page.clock.runFor(100);
    expect(await page.getByRole("main").innerText()).toContain("Authorized, 14 tools discovered");
    await page.context().close();
  });

  it("one calls an app something else, and the focus goes in and comes back", async () => {
    const { page } = await panels.page("scenario=held&pace=0");
    await keys(page, "Control+k");
    await page.getByRole("button", { name: "Rename Zed" }).focus();
    await keys(page, "Enter");
    expect(await focused(page)).toBe("Name of Zed");
    await keys(page, "Escape");
    expect(await focused(page)).toBe("Rename Zed");
    await keys(page, "Enter");
    await page.keyboard.type("Editor");
    await keys(page, "Enter");
    await page.getByRole("heading", { name: "Editor" }).waitFor();
    expect(await focused(page)).toBe("Rename Editor");
    await page.context().close();
  });

  it("one adds a server, and the focus goes in and comes back", async () => {
    const { page } = await panels.page("scenario=three&pace=0");
    await page.getByRole("button", { name: "Add server" }).focus();
    await keys(page, "Control+n");
    await page.keyboard.type("https://mcp.asana.com/mcp");
    await page.clock.runFor(500);
    await page.getByText("Needs sign-in with Asana").waitFor();
    await keys(page, "Escape");
    expect(await focused(page)).toBe("Add server");
    await keys(page, "Control+n");
    await page.keyboard.type("https://open.asana.com/mcp");
    await page.clock.runFor(500);
    await page.getByText("Answers without sign-in").waitFor();
    await keys(page, "Enter");
    await page.getByRole("heading", { level: 1, name: "asana" }).waitFor();
    await page.context().close();
  });

  it("the focus cannot leave an open dialog", async () => {
    const { page } = await panels.page("scenario=three&pace=0");
    await keys(page, "Control+n");
    for (let count = 0; count < 12; count += 1) {
      await keys(page, "Tab");
      const inside = await page.evaluate(() => {
        const element = document.activeElement;
        return element === document.body || element?.closest("dialog") !== null;
      });
      expect(inside).toBe(true);
    }
    await page.context().close();
  });

  it("one opens the menu, walks it round, and removes with a way back", async () => {
    const { page } = await panels.page("scenario=three&pace=0");
    await page.getByRole("button", { name: "More actions for notion" }).focus();
    await keys(page, "Enter");
    expect(await focused(page)).toBe("Edit…");
    await keys(page, "ArrowUp");
    expect(await focused(page)).toBe("Remove");
    await keys(page, "Escape");
    expect(await focused(page)).toBe("More actions for notion");
    await keys(page, "Enter", "End", "Enter");
    await page.getByText("notion removed").waitFor();
    expect(await page.getByRole("option").count()).toBe(2);
    await keys(page, "Control+z");
    await page.getByRole("option", { name: "notion" }).waitFor();
    await page.context().close();
  });

  it("one changes tabs by arrow and by number", async () => {
    const { page } = await panels.page("scenario=three&pace=0");
    await page.getByRole("tab", { name: "Overview" }).focus();
    await keys(page, "ArrowRight");
    expect(await page.getByRole("tab", { selected: true }).innerText()).toContain("Tools");
    await keys(page, "ArrowLeft", "ArrowLeft");
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("Log");
    await keys(page, "Control+3");
    expect(await page.getByRole("tab", { selected: true }).innerText()).toBe("Sign-in steps");
    await page.context().close();
  });

  it("the focus is always visible", async () => {
    const { page } = await panels.page("scenario=everyday&pace=0");
    for (let count = 0; count < 16; count += 1) {
      await keys(page, "Tab");
      const outlined = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        // After the last control the focus is the browser's own.
        if (element === document.body) return true;
        const row = element.querySelector('[aria-selected="true"]') ?? element;
        return [element, row].some((each) => getComputedStyle(each).outlineStyle !== "none");
      });
      expect(outlined, await focused(page)).toBe(true);
    }
    await page.context().close();
  });
});

describe("the layout", () => {
  /** Whatever would have to be scrolled sideways. */
  const overflow = (page: Page): Promise<string[]> =>
    page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("html, main, nav, [role=listbox], [role=tablist], .card")]
        .filter((element) => element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.outerHTML.slice(0, 100)),
    );

  it.each([
    ["640 pixels", 640, "long"],
    ["640 pixels in Japanese", 640, "everyday&lang=ja"],
    ["640 pixels in Korean", 640, "device&lang=ko"],
    ["320 pixels", 320, "long"],
    ["1,400 pixels", 1400, "everyday"],
  ])("holds at %s", async (_, width, scenario) => {
    const { page } = await panels.page(`scenario=${scenario}&pace=0`, { width });
    if (width < 560) await page.getByRole("option").first().click();
    expect(await overflow(page)).toEqual([]);
    await page.context().close();
  });

  it("shows list and page in turns where there is no room for both", async () => {
    const { page } = await panels.page("scenario=three&pace=0", { width: 400 });
    expect(await page.getByRole("main").isVisible()).toBe(false);
    await page.getByRole("option", { name: "linear" }).click();
    expect(await title(page)).toBe("linear");
    await page.getByRole("button", { name: "Servers" }).click();
    expect(await page.getByRole("listbox").isVisible()).toBe(true);
    await page.context().close();
  });

  it("holds 200 servers, of which only those in sight are laid out", async () => {
    const { page } = await panels.page("scenario=many&pace=0");
    await page.getByRole("listbox").focus();
    await keys(page, "End");
    expect(await title(page)).toBe("lab-tools-200");
    const last = page.getByRole("option").last();
    expect(await last.evaluate((row) => getComputedStyle(row).contentVisibility)).toBe("auto");
    const inSight = await last.evaluate((row) => row.getBoundingClientRect().bottom <= window.innerHeight);
    expect(inSight).toBe(true);
    await page.context().close();
  });

  it("moves nothing for those who asked for less motion", async () => {
    const { page } = await panels.page("scenario=browser&pace=0", { reducedMotion: "reduce" });
    const moving = await page.evaluate(() =>
      document
        .getAnimations()
        .filter((each) => each.playState === "running")
        .map(String),
    );
    expect(moving).toEqual([]);
    await page.context().close();
  });
});
