import { screen, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";

import { problem } from "../lib/mock/servers";
import { open, settle } from "../test/open";

const dialog = () => within(screen.getByRole("dialog"));
const field = (name: string) => dialog().getByRole("textbox", { name });

describe("adding a server", () => {
  it.each([
    ["https://mcp.asana.com/mcp", "Needs sign-in with Asana"],
    ["https://open.example.com/mcp", "Answers without sign-in. 6 tools"],
    ["https://mcp.slack.com/mcp", "Slack has no registration: enter a client ID"],
    ["https://down.example.com/mcp", "Unreachable"],
  ])("asks %s at once what it needs", async (url, answer) => {
    const { press, user } = await open("three");
    await press("Add server");
    await user.type(field("Address"), url);
    await vi.waitFor(() => {
      expect(screen.getByRole("dialog").textContent.replace(/\s+/g, " ")).toContain(answer);
    });
  });

  it("asks once, when the typing pauses", async () => {
    const { press, user, backend } = await open("three");
    await press("Add server");
    await user.type(field("Address"), "https://mcp.asana.com/mcp");
    await dialog().findByText("Needs sign-in with Asana");
    expect(backend.world.calls.filter((call) => call.startsWith("probe"))).toEqual([
      "probe https://mcp.asana.com/mcp",
    ]);
  });

  it("suggests a free name, adds and connects in one go", async () => {
    const { press, user, did, page } = await open("three");
    await press("Add server");
    await user.type(field("Address"), "https://mcp.linear.app/mcp");
    expect((field("Name") as HTMLInputElement).value).toBe("linear-2");
    await dialog().findByText("Needs sign-in with Linear");
    await press("Add and connect");
    await did("addServer linear-2");
    await did("signIn linear-2");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(page()).toContain("linear-2");
  });

  it("takes the client id along where there is no registration", async () => {
    const { press, user } = await open("three");
    await press("Add server");
    await user.type(field("Address"), "https://mcp.slack.com/mcp");
    await user.type(await dialog().findByLabelText("Client ID"), "A0123");
    expect(dialog().getByText("http://127.0.0.1/oauth/callback")).toBeTruthy();
    expect(dialog().getByRole("button", { name: "Add and connect" })).toBeTruthy();
  });

  it("refuses a taken name and an address that is none", async () => {
    const { press, user } = await open("three");
    await press("Add server");
    await user.type(field("Address"), "javascript:alert(1)");
    expect(dialog().getByText("Enter an address that begins with https://")).toBeTruthy();
    await user.clear(field("Address"));
    await user.type(field("Address"), "https://mcp.asana.com/mcp");
    await user.clear(field("Name"));
    await user.type(field("Name"), "notion");
    expect(field("Name").getAttribute("aria-invalid")).toBe("true");
    expect(dialog().getByText("Another server has this name")).toBeTruthy();
  });

  it("stays open and says why when it fails", async () => {
    const { press, user, backend } = await open("three");
    await press("Add server");
    backend.world.failures.set(
      "addServer",
      problem("config_read_only", "the config file cannot be written", "edit_config"),
    );
    await user.type(field("Address"), "https://open.example.com/mcp");
    await dialog().findByText(/Answers without sign-in/);
    await press("Add");
    expect(dialog().getByRole("alert").textContent).toContain("the config file cannot be written");
  });

  it("takes a local program, too", async () => {
    const { press, user, did } = await open("three");
    await press("Add server");
    await user.click(dialog().getByRole("radio", { name: "Local program" }));
    await user.type(field("Program"), "/usr/local/bin/weather");
    expect((field("Name") as HTMLInputElement).value).toBe("weather");
    await press("Add");
    await did("addServer weather");
  });
});

describe("editing a server", () => {
  it("sends only what changed, and never shows a stored value", async () => {
    const { press, user, backend } = await open("three");
    await press("More actions for notion");
    await user.click(screen.getByRole("menuitem", { name: "Edit…" }));
    await settle();
    expect(dialog().getByText("Kept, not shown")).toBeTruthy();
    await user.clear(field("Timeout in seconds"));
    await user.type(field("Timeout in seconds"), "60");
    await press("Save");
    const call = backend.world.calls.find((each) => each.startsWith("editServer notion"));
    expect(JSON.parse(call?.slice("editServer notion ".length) ?? "")).toMatchObject({
      id: null,
      url: null,
      timeout_seconds: 60,
      set_headers: [],
    });
  });

  it("replaces a header's value unseen", async () => {
    const { press, user, backend } = await open("three");
    await press("More actions for notion");
    await user.click(screen.getByRole("menuitem", { name: "Edit…" }));
    await settle();
    await press("Replace");
    const value = dialog().getByLabelText("Value of X-Workspace");
    expect(value.getAttribute("type")).toBe("password");
    await user.type(value, "engines");
    await press("Save");
    expect(backend.world.calls.find((call) => call.startsWith("editServer"))).toContain('"value":"engines"');
  });

  it("names the apps that could not be told of its new name, and why", async () => {
    const { press, user, choose } = await open("three");
    await choose("linear");
    await press("More actions for linear");
    await user.click(screen.getByRole("menuitem", { name: "Edit…" }));
    await settle();
    await user.clear(field("Name"));
    await user.type(field("Name"), "tracker");
    await press("Save");
    const messages = screen.getByRole("region", { name: "Messages" });
    expect(messages.textContent).toContain("Zed could not be told that linear is called tracker now.");
    expect(messages.textContent).toContain("~/.config/zed/settings.json is read-only");
    expect(messages.textContent).toContain("client_not_renamed");
    await press("Dismiss");
    expect(messages.textContent.trim()).toBe("");
  });

  it("cannot be saved without a name", async () => {
    const { press, user } = await open("three");
    await press("More actions for notion");
    await user.click(screen.getByRole("menuitem", { name: "Edit…" }));
    await settle();
    await user.clear(field("Name"));
    expect(dialog().getByText("Enter a name")).toBeTruthy();
    expect(dialog().getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(true);
  });
});

describe("importing", () => {
  it("shows what would be added before anything changes, and can be taken back", async () => {
    const { press, user, backend, did } = await open("three");
    await press("Import from other apps");
    expect(dialog().getByRole<HTMLButtonElement>("button", { name: /VS Code/ }).disabled).toBe(true);
    await press(/Claude Desktop/);
    expect(dialog().getByText("Was linear")).toBeTruthy();
    expect(dialog().getByText("Already here")).toBeTruthy();
    expect(dialog().getByText(/stdio transport requires 'command'/)).toBeTruthy();
    await user.click(dialog().getByRole("checkbox", { name: /postgres/ }));
    await press("Import 2 servers");
    await did("importApply claude-desktop asana,linear");
    expect(screen.getAllByRole("option")).toHaveLength(5);
    await press("Undo");
    expect(screen.getAllByRole("option")).toHaveLength(3);
    expect(backend.world.calls).toContain("undo undo-1");
  });

  it("takes over the sign-in of a server that is here already and signed out", async () => {
    const { press, user, backend, did } = await open("three");
    backend.world.change("notion", { auth: "not_authenticated" });
    const { importPreview } = backend;
    backend.importPreview = async (source) => {
      const { candidates } = await importPreview.call(backend, source);
      const theirs = candidates.map((each) => (each.name === "notion" ? { ...each, has_grant: true } : each));
      return { source, candidates: theirs };
    };
    await press("Import from other apps");
    await press(/oMLX/);
    expect(dialog().getByRole<HTMLInputElement>("checkbox", { name: /^notion/ }).checked).toBe(true);
    for (const name of [/asana/, /linear/, /postgres/]) {
      await user.click(dialog().getByRole("checkbox", { name }));
    }
    await press("Take over 1 sign-in");
    await did("importApply omlx notion");
  });

  it("says when an app's file cannot be read", async () => {
    const { press, backend } = await open("three");
    await press("Import from other apps");
    backend.world.failures.set(
      "importPreview",
      problem("import_unreadable", "Cursor's file is no JSON", "none"),
    );
    await press(/Cursor/);
    expect(dialog().getByRole("alert").textContent).toContain("Cursor's file is no JSON");
  });
});

describe("using a server in another client", () => {
  it("shows the snippet and the change to the file, writes it, and takes it back", async () => {
    const { press, user, did } = await open("three");
    await press("Use in…");
    expect(dialog().getByRole("region", { name: "Snippet" }).textContent).toContain(
      '"args": ["mcp", "bridge", "notion"]',
    );
    expect(dialog().getByRole("region", { name: "Changes to the file" }).textContent).toContain("Added:");
    await user.click(dialog().getByRole("radio", { name: "Cursor" }));
    await user.click(dialog().getByRole("radio", { name: "All servers together" }));
    await settle();
    await press("Add to Cursor");
    await did("useInApply cursor *");
    expect(screen.getByText("Added to Cursor. Restart it to use the servers there.")).toBeTruthy();
    await press("Undo");
    await did("undo undo-1");
  });

  it("offers nothing to take back where the client says so already, and says when it is too late", async () => {
    const { press, user, backend } = await open("three");
    const { useInApply } = backend;
    backend.useInApply = () => Promise.resolve(null);
    await press("Use in…");
    await user.click(dialog().getByRole("radio", { name: "Cursor" }));
    await settle();
    await press("Add to Cursor");
    expect(screen.getByText("Cursor already uses it.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
    backend.useInApply = useInApply;
    await press("Use in…");
    await press("Add to Claude Desktop");
    const superseded = "a later use of Claude Desktop wrote the same entry anew; undo that one";
    backend.world.failures.set("undo", problem("use_superseded", superseded, "none"));
    await press("Undo");
    expect(screen.getByText(new RegExp(superseded)).textContent).toContain("use_superseded");
  });

  it("says what is worth knowing in the panel's language", async () => {
    const { press, user } = await open("three", { language: "zh-Hans" });
    await press("用于…");
    await user.click(dialog().getByRole("radio", { name: "所有服务器" }));
    await settle();
    expect(dialog().getByText(/^Claude Desktop 只能启动程序/)).toBeTruthy();
    await user.click(dialog().getByRole("radio", { name: "oMLX" }));
    await settle();
    expect(dialog().getByText(/^oMLX 不会自动读取/)).toBeTruthy();
  });

  it("begins with an app that is here", async () => {
    const { press } = await open("three");
    await press("Use in…");
    expect(dialog().getByRole<HTMLInputElement>("radio", { name: /Codex/ }).checked).toBe(false);
    expect(dialog().getByRole<HTMLInputElement>("radio", { name: "Claude Desktop" }).checked).toBe(true);
  });

  it("writes nothing that leads to a gateway that does not run, and offers no key that is none", async () => {
    const { press, user, backend } = await open("three");
    const gateway_problem = problem("port_in_use", "port 8719 is in use by node", "retry");
    const about = await backend.about();
    backend.about = () => Promise.resolve({ ...about, gateway_url: null, gateway_problem });
    await press("Use in…");
    await user.click(dialog().getByRole("radio", { name: "Cursor" }));
    await settle();
    expect(dialog().getByRole<HTMLButtonElement>("button", { name: "Add to Cursor" }).disabled).toBe(false);
    await user.click(dialog().getByRole("radio", { name: "All servers together" }));
    await settle();
    expect(screen.getByRole("dialog").textContent).toContain("The gateway is not running");
    expect(screen.getByRole("dialog").textContent).toContain("port_in_use");
    expect(dialog().queryByRole("button", { name: "Copy" })).toBeNull();
    expect(dialog().getByRole<HTMLButtonElement>("button", { name: "Add to Cursor" }).disabled).toBe(true);
  });

  it("can be taken out where the client uses it already", async () => {
    const { press, user, did } = await open("three");
    await press("Use in…");
    await user.click(dialog().getByRole("radio", { name: "oMLX" }));
    await settle();
    expect(dialog().getByText("oMLX already uses it.")).toBeTruthy();
    expect(dialog().queryByRole("button", { name: "Add to oMLX" })).toBeNull();
    await press("Remove from oMLX");
    await did("useInRemove omlx notion");
    expect(screen.getByText("Removed from oMLX. Restart it.")).toBeTruthy();
  });
});
