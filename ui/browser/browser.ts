// A real Chromium over the built panel with the backend in memory.

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { preview, type PreviewServer } from "vite";

/** Without these, Chromium looks for the outside world at every start. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export type Look = {
  scheme?: "light" | "dark";
  width?: number;
  height?: number;
  reducedMotion?: "reduce" | "no-preference";
};

export class Panels {
  private constructor(
    private readonly browser: Browser,
    private readonly server: PreviewServer,
    private readonly origin: string,
  ) {}

  static async open(): Promise<Panels> {
    const server = await preview({
      configFile: false,
      root: new URL("..", import.meta.url).pathname,
      build: { outDir: "dist-mock" },
      preview: { host: "127.0.0.1", port: 0 },
      logLevel: "error",
    });
    const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
    const browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", ...QUIET],
    });
    return new Panels(browser, server, server.resolvedUrls?.local[0] ?? "");
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }

  /** A page of its own, at a fixed moment, that fails on whatever the console calls an error. */
  async page(query: string, look: Look = {}): Promise<{ page: Page; errors: string[] }> {
    const page = await (await this.#context(look)).newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.clock.install({ time: new Date("2026-03-04T09:41:00Z") });
    await page.goto(`${this.origin}?${query}`);
    await page.waitForSelector("nav");
    return { page, errors };
  }

  #context({
    scheme = "light",
    width = 960,
    height = 680,
    reducedMotion = "reduce",
  }: Look): Promise<BrowserContext> {
    return this.browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion,
      locale: "en-US",
      timezoneId: "UTC",
      deviceScaleFactor: 1,
      permissions: ["clipboard-read", "clipboard-write"],
    });
  }
}
