import { screen, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";

import { problem } from "../lib/mock/servers";
import { open, settle } from "../test/open";

const dialog = () => within(screen.getByRole("dialog"));
const main = () => within(screen.getByRole("main"));

describe("the page of the apps", () => {
  it("says what it is for while nobody uses the servers, and leads to where that begins", async () => {
    const { press, user } = await open("three");
    await press("Apps");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("No app uses your servers yet");
    await user.click(main().getByRole("button", { name: "Use in…" }));
    await settle();
    expect(screen.getByRole("dialog", { name: "Use in…" })).toBeTruthy();
  });

  it("shows who is there, what each may use, and what is held back from it", async () => {
    const { press, page } = await open("held");
    await press(/^Apps/);
    expect(page()).toContain("All servers");
    expect(page()).toContain("notion and linear");
    expect(page()).toContain("filesystem (2 tools)");
    expect(page()).toContain("Last here 4 minutes ago");
    expect(page()).toContain("Never here yet");
    expect(page()).toContain("omlx mcp bridge");
    expect(screen.getByRole("heading", { level: 2, name: /Cursor/ }).textContent).toContain(
      "2 tools held back",
    );
  });

  it("is reached by the keyboard", async () => {
    const { user } = await open("held");
    await user.keyboard("{Meta>}k{/Meta}");
    await settle();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Apps");
  });

  it("takes a key away after it has said what stops working", async () => {
    const { press, did } = await open("held");
    await press(/^Apps/);
    await press("Revoke Zed");
    expect(screen.getByRole("dialog").textContent).toContain("Zed can no longer use: notion and linear");
    await press("Revoke");
    await did("revoke Zed");
    expect(screen.queryByRole("heading", { level: 2, name: "Zed" })).toBeNull();
  });

  it("calls an app something else where its name stands, and everything goes on under the new one", async () => {
    const { press, user, did } = await open("held");
    await press(/^Apps/);
    await press("Rename Cursor");
    const box = main().getByRole<HTMLInputElement>("textbox", { name: "Name of Cursor" });
    expect(document.activeElement).toBe(box);
    await user.clear(box);
    await user.type(box, "Work{Enter}");
    await did("rename Cursor Work");
    await settle();
    expect(screen.getByRole("heading", { level: 2, name: /^Work/ }).textContent).toContain(
      "2 tools held back",
    );
    expect(screen.getByText("Cursor is called Work now")).toBeTruthy();
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Rename Work");
  });

  it("keeps the name where it is taken, where none is typed, and where one thinks better of it", async () => {
    const { press, user, backend } = await open("held");
    await press(/^Apps/);
    await press("Rename Zed");
    const box = () => main().getByRole("textbox", { name: "Name of Zed" });
    await user.clear(box());
    expect(main().getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(true);
    await user.type(box(), "cursor{Enter}");
    await settle();
    expect(main().getByRole("alert").textContent).toContain("client_exists");
    expect((box() as HTMLInputElement).value).toBe("cursor");
    await user.keyboard("{Escape}");
    await settle();
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Apps");
    expect(screen.getByRole("heading", { level: 2, name: "Zed" })).toBeTruthy();
    expect(main().queryByRole("button", { name: "Rename bridge" })).toBeNull();
    expect(backend.apps.clients.map(({ name }) => name)).toContain("Zed");
  });

  it("keeps the key where the person thinks better of it", async () => {
    const { press, backend } = await open("held");
    await press(/^Apps/);
    await press("Revoke Zed");
    await press("Cancel");
    expect(backend.world.calls.some((call) => call.startsWith("revoke"))).toBe(false);
  });

  it("lets one choose servers, and tools of one of them", async () => {
    const { press, user, did } = await open("held");
    await press(/^Apps/);
    await press("Servers and tools of Cursor");
    await user.click(dialog().getByRole("radio", { name: "Only these" }));
    expect(dialog().getByRole("status").textContent).toContain("Cursor can do nothing");
    await user.click(dialog().getByRole("checkbox", { name: "notion" }));
    await user.click(dialog().getByRole("checkbox", { name: "filesystem" }));
    const tools = within(dialog().getByRole("radiogroup", { name: "Tools of filesystem" }));
    await user.click(tools.getByRole("radio", { name: "Choose tools" }));
    await settle();
    for (const box of dialog().getAllByRole("checkbox").slice(4)) await user.click(box);
    await press("Save");
    await did(
      'setRules Cursor {"servers":["notion","filesystem"],"tools":["notion__*","filesystem__search"]}',
    );
  });

  it("says that rules were written by hand before it replaces them", async () => {
    const { press, backend } = await open("held");
    await backend.apps.setRules("Zed", { servers: ["n*"], tools: ["*"] });
    await press(/^Apps/);
    await press("Servers and tools of Zed");
    expect(screen.getByRole("dialog").textContent).toContain("These rules were written by hand: n*");
    expect(dialog().getByRole<HTMLInputElement>("checkbox", { name: "notion" }).checked).toBe(true);
  });

  it("shows the last calls, and those of one app", async () => {
    const { press, user, did } = await open("held");
    await press(/^Apps/);
    const rows = () => screen.getAllByRole("row").slice(1);
    expect(rows()).toHaveLength(7);
    expect(rows()[1]?.textContent).toContain("Held back");
    expect(rows()[5]?.textContent).toContain("refresh_rejected");
    await user.selectOptions(screen.getByRole("combobox", { name: "App" }), "Zed");
    await did("calls Zed");
    await settle();
    expect(rows()).toHaveLength(2);
  });

  it("asks again when something was called", async () => {
    const { press, backend } = await open("held");
    await press(/^Apps/);
    const asked = () => backend.world.calls.filter((call) => call.startsWith("calls")).length;
    const before = asked();
    backend.apps.calling.tell(undefined);
    await settle();
    expect(asked()).toBe(before + 1);
  });

  it("says why nothing can be said", async () => {
    const { press, backend, page } = await open("held");
    backend.apps.state = () =>
      Promise.reject(
        problem("access_damaged", "clients.json cannot be understood", "none") as unknown as Error,
      );
    await press(/^Apps/);
    expect(page()).toContain("access_damaged");
  });
});

describe("a tool that is held back", () => {
  it("calls for attention at its server, in its list of tools and at the apps", async () => {
    const { page, user } = await open("held");
    expect(screen.getByRole("option", { name: /notion/ }).textContent).toContain("1 tool held back");
    expect(screen.getByRole("button", { name: /^Apps/ }).textContent).toContain("2 tools held back");
    expect(page()).toContain("1 tool has changed and is held back");
    await user.click(screen.getByRole("tab", { name: /Tools/ }));
    await settle();
    expect(main().getAllByText("Held back")).toHaveLength(1);
    await user.click(main().getByText("Searches pages, databases and connected sources."));
    await settle();
    expect(page()).toContain("Held back from Cursor and bridge: changed since it was approved.");
  });

  it("is compared once for all apps, and allowed exactly as it was shown", async () => {
    const { press, did, backend } = await open("held");
    await press("Review…");
    expect(dialog().getAllByRole("heading", { level: 3 })).toHaveLength(1);
    expect(screen.getByRole("dialog").textContent).toContain("Held back from Cursor and bridge");
    expect(dialog().getByRole("region", { name: "What changed in search" }).textContent).toContain(
      "read ~/.ssh/config",
    );
    await press("Allow the new version of search");
    await did('approve Cursor notion [{"tool":"search","version":"search-2"}]');
    await did('approve bridge notion [{"tool":"search","version":"search-2"}]');
    await settle();
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(backend.apps.heldTools.map(({ tool }) => tool)).toEqual(["list_issues"]);
  });

  it("stays held where one wants it so, and the others can be allowed together", async () => {
    const { press, backend } = await open("held");
    await press(/^Apps/);
    await press("Review…");
    expect(dialog().getByRole("button", { name: "Allow all 2 shown" })).toBeTruthy();
    await press("Keep it held: search");
    expect(screen.getByRole("dialog").textContent).toContain("Stays held back.");
    expect(dialog().queryByRole("button", { name: /Allow all/ })).toBeNull();
    await press("Allow the new version of list_issues");
    await vi.waitFor(() => {
      expect(backend.apps.heldTools.map(({ tool }) => tool)).toEqual(["search", "search"]);
    });
  });

  it("that changed again meanwhile is shown anew, and not allowed", async () => {
    const { press, backend } = await open("held");
    await press("Review…");
    backend.world.failures.set(
      "approve",
      problem("tool_changed_again", "the tool has changed again since it was reviewed", "retry"),
    );
    await press("Allow the new version of search");
    expect(dialog().getByRole("alert").textContent).toContain("changed again");
    expect(dialog().getByRole("button", { name: "Allow the new version of search" })).toBeTruthy();
  });

  it("opens where a notification leads, and is told to a screen reader", async () => {
    const { backend } = await open("held");
    const more = backend.apps.heldTools.map((tool) => ({ ...tool, tool: `${tool.tool}_too` }));
    backend.apps.heldTools = [...backend.apps.heldTools, ...more];
    backend.apps.push();
    await settle();
    const said = screen.getByText("4 tools have changed and are held back from apps");
    expect(said.getAttribute("aria-live")).toBe("assertive");
    backend.world.places.tell({ place: "review", server: "linear" });
    await settle();
    expect(screen.getByRole("dialog", { name: "Tools that changed" }).textContent).toContain(
      "linear · list_issues",
    );
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("linear");
  });
});

describe("another app", () => {
  it("is given a key that is shown once, with a snippet to copy", async () => {
    const { press, user, did } = await open("three");
    await press("Use in…");
    await press("Other app…");
    await user.type(dialog().getByRole("textbox", { name: "Name of the app" }), "My agent");
    await press("Make key");
    await did("issue My agent notion");
    expect(screen.getByRole("dialog").textContent).toContain("is not shown again");
    expect(dialog().getByRole("region", { name: "Snippet with the key" }).textContent).toContain(
      "Bearer omlx_",
    );
    expect(dialog().getByRole("button", { name: "Copy snippet" })).toBeTruthy();
    await press("Done");
    expect(document.body.textContent).not.toContain("Bearer omlx_");
  });

  it("keeps what was typed where the name is taken", async () => {
    const { press, user } = await open("held");
    await press(/^Apps/);
    await press("Other app…");
    await user.type(dialog().getByRole("textbox", { name: "Name of the app" }), "Zed");
    await press("Make key");
    expect(dialog().getByRole("alert").textContent).toContain("client_exists");
  });
});
