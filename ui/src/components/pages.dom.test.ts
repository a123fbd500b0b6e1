import { screen, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";

import { problem } from "../lib/mock/servers";
import { open, settle } from "../test/open";

describe("the panel", () => {
  it("invites to add or import when there is no server", async () => {
    const { page, user } = await open("empty");
    expect(page()).toContain("Sign in once, use it everywhere");
    await user.click(
      within(screen.getByRole("main")).getByRole("button", { name: "Import from other apps" }),
    );
    expect(screen.getByRole("dialog", { name: "Import from other apps" })).toBeTruthy();
  });

  it("says that it is loading before the core has answered", async () => {
    await open("loading");
    expect(screen.getAllByRole("status", { name: "Loading" }).length).toBeGreaterThan(0);
    expect(screen.queryByText("No servers yet")).toBeNull();
  });

  it("says so when the core cannot be reached, and tries again", async () => {
    const { page, press, backend } = await open("unreachable");
    expect(page()).toContain("The panel cannot reach oMLX Connect");
    backend.snapshot = () => Promise.resolve({ servers: [], config_problems: [], config_advice: [] });
    await press("Try again");
    expect(page()).toContain("Sign in once");
  });

  it("calls being offline offline, and nobody signed out", async () => {
    const { page } = await open("offline");
    expect(page()).toContain("You are offline");
    expect(page()).toContain("Authenticated");
    expect(page()).toMatch(/next try in 1\d seconds/);
    expect(page()).not.toContain("Not authenticated");
  });

  it("offers to unlock the keychain on every page", async () => {
    const { press, choose, page, did } = await open("locked");
    expect(page()).toContain("Keychain locked");
    await choose("filesystem");
    expect(page()).toContain("The keychain is locked");
    await press("Unlock");
    await did("unlockKeychain");
    expect(page()).not.toContain("The keychain is locked");
  });

  it("shows every mistake of the config file, with its code and a way to mend it", async () => {
    const { page, press, did } = await open("broken");
    expect(page()).toContain("line 14, column 5");
    expect(page()).toContain("config_server_url");
    await press("Open config file");
    await did("openConfig");
  });

  it("keeps the page while a broken file arrives, and takes the banner away when it is mended", async () => {
    const { backend, page } = await open("three");
    const { servers } = backend.world;
    backend.world.push({
      servers,
      config_problems: [problem("config_syntax", "line 1", "edit_config")],
      config_advice: [],
    });
    await settle();
    expect(page()).toContain("The config file has a mistake");
    expect(page()).toContain("notion");
    backend.world.push({ servers, config_problems: [], config_advice: [] });
    await settle();
    expect(page()).not.toContain("The config file has a mistake");
  });

  it("shows what another process did, at once", async () => {
    const { backend, page } = await open("three");
    backend.world.change("notion", { auth: "refresh_failed" });
    await settle();
    expect(page()).toContain("Token expired, refresh failed");
    backend.world.set(backend.world.servers.slice(1));
    await settle();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("linear");
  });

  it("goes where the tray leads", async () => {
    const { backend } = await open("three");
    backend.world.places.tell({ place: "settings" });
    await settle();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Settings");
    backend.world.places.tell({ place: "server", server: "linear" });
    await settle();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("linear");
    backend.world.places.tell({ place: "add" });
    await settle();
    expect(screen.getByRole("dialog", { name: "Add server" })).toBeTruthy();
  });

  it("moves to the next server that needs a person", async () => {
    const { press } = await open("everyday");
    await press("4 servers need you");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("sentry");
    await press("4 servers need you");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("github");
  });

  it("lists 200 servers, and finds one by typing", async () => {
    const { user } = await open("many");
    expect(screen.getAllByRole("option")).toHaveLength(200);
    await user.type(screen.getByRole("searchbox", { name: "Search" }), "lab 105");
    expect(screen.getAllByRole("option").map((row) => row.querySelector(".name")?.textContent)).toEqual([
      "lab-tools-105",
    ]);
    await user.type(screen.getByRole("searchbox"), "x");
    expect(screen.getByText("Nothing matches “lab 105x”")).toBeTruthy();
    await user.keyboard("{Escape}");
    expect(screen.getAllByRole("option")).toHaveLength(200);
  });
});

describe("the settings", () => {
  it("change at once, and change back when they cannot be saved", async () => {
    const { press, user, backend } = await open("three");
    await press("Settings");
    const launch = screen.getByRole("switch", { name: "Launch at login" });
    await user.click(launch);
    await settle();
    expect(launch.getAttribute("aria-checked")).toBe("false");
    backend.world.failures.set(
      "setSettings",
      problem("autostart_failed", "the login item was refused", "none"),
    );
    await user.click(launch);
    await settle();
    expect(launch.getAttribute("aria-checked")).toBe("false");
    expect(screen.getByRole("alert").textContent).toContain("the login item was refused");
  });

  it("turn the whole panel to another language without a restart", async () => {
    const { press, user } = await open("three");
    await press("Settings");
    await user.selectOptions(screen.getByRole("combobox", { name: "Language" }), "日本語");
    await settle();
    expect(await screen.findByRole("heading", { name: "設定" })).toBeTruthy();
    expect(document.documentElement.lang).toBe("ja");
  });

  it("show a pause on every page, with the way back", async () => {
    const { press, user, choose, page } = await open("three");
    await press("Settings");
    await user.click(screen.getByRole("switch", { name: "Pause" }));
    await choose("linear");
    expect(page()).toContain("No server is connected until you resume.");
    await press("Resume");
    expect(page()).not.toContain("No server is connected");
  });

  it("keep a port that is one, and nothing else", async () => {
    const { press, user, backend } = await open("three");
    await press("Settings");
    const port = screen.getByRole("spinbutton", { name: "Gateway port" });
    const choose = async (words: string) => {
      await user.clear(port);
      await user.type(port, words);
      await user.tab();
      await settle();
      return (await backend.settings()).gateway_port;
    };
    expect(await choose("9000")).toBe(9000);
    expect(await choose("80")).toBe(9000);
    expect(await choose("70000")).toBe(9000);
  });

  it("name the apps that a new port would leave behind, and write their entries anew", async () => {
    const { press, user, did, page } = await open("everyday");
    await press("Settings");
    const port = screen.getByRole("spinbutton", { name: "Gateway port" });
    await user.clear(port);
    await user.type(port, "9000");
    await user.tab();
    await settle();
    expect(page()).toContain("Still looking for the gateway at its old address: Cursor and VS Code");
    await press("Write them anew");
    await did("useInApply cursor *");
    await did("useInApply vscode *");
    await settle();
    expect(page()).not.toContain("its old address");
  });

  it("say who has the gateway's port", async () => {
    const { press, page, backend } = await open("three");
    const about = { ...(await backend.about()), gateway_url: null };
    const gateway_problem = problem("port_in_use", "port 8719 is in use by omlx", "retry");
    backend.about = () => Promise.resolve({ ...about, gateway_problem });
    await press("Settings");
    expect(page()).toContain("port 8719 is in use by omlx");
  });

  it("follow what the tray changed", async () => {
    const { backend, page } = await open("three");
    backend.world.settings.tell({ ...(await backend.settings()), paused: true });
    await settle();
    expect(page()).toContain("No server is connected until you resume.");
  });

  it("tell where things are", async () => {
    const { press, page } = await open("three");
    await press("Settings");
    expect(page()).toContain("~/.config/omlx/mcp.json");
    expect(page()).toContain("In the keychain");
  });
});

describe("news", () => {
  it("are told to a screen reader once, in the product's words", async () => {
    const { backend } = await open("three");
    backend.world.tell({ event: "transport_connected", server: "notion" });
    await settle();
    expect(screen.getByText("notion: transport connected").getAttribute("aria-live")).toBe("polite");
    backend.world.tell({ event: "tools_discovered", server: "notion", tool_count: 14 });
    await settle();
    expect(screen.getByText("notion: authorized, 14 tools discovered")).toBeTruthy();
    backend.world.tell({
      event: "attention_needed",
      server: "notion",
      problem: problem("refresh_rejected", "notion must be signed in again", "reauthenticate"),
    });
    await settle();
    expect(screen.getByText("notion must be signed in again").getAttribute("aria-live")).toBe("assertive");
  });

  it("of a server that is gone are no longer to be read", async () => {
    const { backend } = await open("three");
    backend.world.tell({ event: "transport_connected", server: "notion" });
    await settle();
    backend.world.set(backend.world.servers.filter(({ id }) => id === "notion"));
    await settle();
    expect(screen.queryByText("notion: transport connected")).toBeTruthy();
    backend.world.set([]);
    await settle();
    expect(screen.queryByText("notion: transport connected")).toBeNull();
  });
});

describe("a failed command", () => {
  it("stays on the screen with its code until it is dismissed", async () => {
    const { backend, press } = await open("three");
    backend.world.failures.set(
      "signIn",
      problem("browser_unavailable", "no browser could be opened", "none"),
    );
    await press("Re-authenticate");
    const toast = screen.getByRole("alert");
    expect(toast.textContent).toContain("browser_unavailable");
    await press("Dismiss");
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("offers its mend", async () => {
    const { backend, press, did } = await open("three");
    backend.world.failures.set("signIn", problem("keychain_locked", "the keychain is locked", "unlock"));
    await press("Re-authenticate");
    await within(screen.getByRole("alert")).findByRole("button", { name: "Unlock" });
    await press("Unlock");
    await did("unlockKeychain");
  });
});
