import { screen, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";

import type { AuthStatus } from "../lib/bindings";
import { AUTH_STATES, CONNECTION_STATES, problem } from "../lib/mock/servers";
import { open, settle } from "../test/open";

const status = () => within(screen.getByRole("region", { name: "Status" }));

describe("a server's page", () => {
  it("draws every combination of sign-in and connection", async () => {
    const { user } = await open("states");
    screen.getByRole("listbox").focus();
    for (const auth of AUTH_STATES) {
      for (const connection of CONNECTION_STATES) {
        const name = `${auth}-${connection}`.replaceAll("_", "-");
        expect(document.querySelector("h1")?.textContent).toBe(name);
        await user.keyboard("{ArrowDown}");
      }
    }
  });

  it("keeps the connected transport and the authorized tools on two lines", async () => {
    await open("three");
    expect(status().getByText("Transport connected")).toBeTruthy();
    expect(status().getByText("Authorized, 14 tools discovered")).toBeTruthy();
  });

  it.each<[AuthStatus, string, string]>([
    ["not_authenticated", "Connect", "signIn not-authenticated-connected"],
    ["authenticated", "Re-authenticate", "signIn authenticated-connected"],
    ["authenticated", "Disconnect", "signOut authenticated-connected"],
    ["authenticating", "Cancel", "cancelSignIn authenticating-connected"],
    ["authenticating", "Copy link", "copyLink authenticating-connected"],
    ["refresh_failed", "Re-authenticate", "signIn refresh-failed-connected"],
    ["insufficient_scope", "Allow", "allowScopes insufficient-scope-connected"],
    ["locked", "Unlock", "unlockKeychain"],
    ["locked", "Try again", "retry locked-connected"],
  ])("while %s has a button “%s”", async (auth, button, call) => {
    const { choose, user, did } = await open("states", { pace: 1 });
    await choose(`${auth}-connected`.replaceAll("_", "-"));
    await user.click(status().getByRole("button", { name: button }));
    await did(call);
  });

  it("shows which permissions would be new before they are allowed", async () => {
    const { page } = await open("scopes");
    expect(page()).toContain("The server asks for 2 more permissions:");
    expect(status().getByText("workflow")).toBeTruthy();
  });

  it("shows a problem with its code, and copies the evidence for whoever can mend it", async () => {
    const { press, page, user } = await open("failed");
    expect(page()).toContain("forbidden");
    await press("Copy report for the provider");
    const text = await user.pointer([]).then(() => navigator.clipboard.readText());
    expect(text).toContain("forbidden: Notion answers 403");
    expect(text).toContain("RFC 9728");
  });

  it("leads to the client id where the provider has no registration", async () => {
    const { press, user, did, backend } = await open("client");
    await press("Enter client ID…");
    const dialog = within(screen.getByRole("dialog", { name: "Client ID for slack" }));
    await user.type(dialog.getByLabelText("Client ID"), "A0123");
    await user.type(dialog.getByLabelText("Client secret"), "planted-secret-7f3e");
    await press("Save and connect");
    await did("enterClient slack A0123");
    await did("signIn slack");
    expect(document.documentElement.innerHTML).not.toContain("planted-secret-7f3e");
    expect(JSON.stringify(backend.world.snapshot)).not.toContain("planted-secret-7f3e");
  });
});

describe("a sign-in", () => {
  it("goes from waiting for the browser to authenticated, and says both", async () => {
    const { choose, press, page } = await open("everyday");
    await choose("stripe");
    await press("Connect");
    await vi.waitFor(() => {
      expect(page()).toContain("Authorized, 14 tools discovered");
    });
    expect(screen.getByText("stripe: authorized, 14 tools discovered")).toBeTruthy();
  });

  it("can be cancelled", async () => {
    const { press, page } = await open("browser");
    expect(page()).toContain("Waiting for the browser…");
    await press("Cancel");
    expect(page()).toContain("Not authenticated");
  });

  it("by device shows the code large, to be copied, spelled out, and as a picture", async () => {
    const { user } = await open("device");
    expect(status().getByLabelText("W D J B - M J H T").textContent).toBe("WDJB-MJHT");
    expect(status().getByRole("img", { name: "QR code that opens the page with the code" })).toBeTruthy();
    await user.click(status().getByRole("button", { name: "Copy code" }));
    expect(await navigator.clipboard.readText()).toBe("WDJB-MJHT");
  });

  it("ends with a report of what was revoked, which can be put away", async () => {
    const { press, page } = await open("three");
    await press("Disconnect");
    expect(page()).toContain("Not authenticated");
    const report = within(screen.getByRole("region", { name: "Disconnected" }));
    expect(report.getAllByText("Revoked")).toHaveLength(2);
    expect(report.getByText("The provider cannot revoke it")).toBeTruthy();
    expect(report.getByText("Erased")).toBeTruthy();
    await press("Dismiss");
    expect(screen.queryByRole("region", { name: "Disconnected" })).toBeNull();
  });
});

describe("the tabs", () => {
  const tab = (name: string) => screen.getByRole("tab", { name: new RegExp(`^${name}`) });

  it("show the tools, and their input when opened", async () => {
    const { user, page } = await open("three");
    await user.click(tab("Tools"));
    await settle();
    expect(page()).toContain("create_pages");
    await user.type(screen.getByRole("searchbox", { name: "Search tools" }), "trash");
    expect(page()).not.toContain("create_pages");
    await user.click(screen.getByText("delete_page"));
    await settle();
    expect(page()).toContain("teamspaces");
    expect(page()).toContain("string[]");
    expect(page()).toContain("Destructive");
  });

  it("show each step of the sign-in with its rule", async () => {
    const { user, page, choose } = await open("everyday");
    await choose("sentry");
    await user.click(tab("Sign-in steps"));
    await settle();
    expect(page()).toContain("RFC 9728 §5.1");
    expect(page()).toContain("rejected with invalid_grant");
  });

  it("show the log", async () => {
    const { user, page } = await open("three");
    await user.click(tab("Log"));
    await settle();
    expect(page()).toContain("index loaded: 1,482 pages");
  });

  it("say why when they cannot be filled", async () => {
    const { user, page, backend } = await open("three");
    backend.world.failures.set("log", problem("log_unreadable", "the log of notion cannot be read", "none"));
    await user.click(tab("Log"));
    await settle();
    expect(page()).toContain("the log of notion cannot be read");
  });
});

describe("the menu", () => {
  it("disables and enables", async () => {
    const { press, user, did, page } = await open("three");
    await press("More actions for notion");
    await user.click(screen.getByRole("menuitem", { name: "Disable" }));
    await did("setEnabled notion false");
    expect(page()).toContain("Disabled");
    await press("Enable");
    await did("setEnabled notion true");
  });

  it("removes at once, and takes it back from the message or by ⌘Z", async () => {
    const { press, user } = await open("three");
    for (const undo of ["button", "keys"]) {
      await press("More actions for notion");
      await user.click(screen.getByRole("menuitem", { name: "Remove" }));
      await settle();
      expect(screen.queryByRole("option", { name: /^notion/ })).toBeNull();
      if (undo === "button") await press("Undo");
      else await user.keyboard("{Meta>}z{/Meta}");
      await settle();
      expect(screen.getByRole("option", { name: /notion/ })).toBeTruthy();
      await user.click(screen.getByRole("option", { name: /notion/ }));
    }
  });

  it("names the apps that still ask for what was removed, until it is back", async () => {
    const { press, user, choose } = await open("three");
    await choose("linear");
    await press("More actions for linear");
    await user.click(screen.getByRole("menuitem", { name: "Remove" }));
    await settle();
    const messages = screen.getByRole("region", { name: "Messages" });
    expect(messages.textContent).toContain("linear is removed, and Cursor and Zed may still ask for it.");
    expect(messages.textContent).toContain("~/.cursor/mcp.json: linear");
    expect(messages.textContent).toContain("client_still_names");
    await press("Undo");
    expect(messages.textContent.trim()).toBe("");
  });
});
