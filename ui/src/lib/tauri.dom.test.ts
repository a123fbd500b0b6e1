import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { Snapshot } from "./bindings";
import { problem } from "./mock/servers";
import { tauri } from "./tauri";

afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve));
  clearMocks();
});

describe("the seam over the IPC", () => {
  it("calls each command by its name in snake case, with named arguments", async () => {
    const calls: [string, unknown][] = [];
    mockIPC((command, payload) => {
      calls.push([command, payload]);
    });
    await tauri.signIn("notion");
    await tauri.enterClient("slack", { client_id: "A1", client_secret: null });
    await tauri.useInPreview("cursor", null);
    await tauri.importApply("zed", ["a"]);
    expect(calls).toEqual([
      ["sign_in", { id: "notion" }],
      ["enter_client", { id: "slack", client: { client_id: "A1", client_secret: null } }],
      ["use_in_preview", { client: "cursor", id: null }],
      ["import_apply", { source: "zed", names: ["a"] }],
    ]);
  });

  it("rejects with the shell's problem as it is", async () => {
    const locked = problem("keychain_locked", "the keychain is locked", "unlock");
    mockIPC(() => Promise.reject(locked as unknown as Error));
    await expect(tauri.retry("notion")).rejects.toEqual(locked);
  });

  it("hears each new truth until it stops listening", async () => {
    mockIPC(() => null, { shouldMockEvents: true });
    const heard = vi.fn();
    const stop = tauri.onSnapshot(heard);
    await new Promise((resolve) => setTimeout(resolve));
    const snapshot: Snapshot = { servers: [], config_problems: [], config_advice: [] };
    await emit("snapshot", snapshot);
    expect(heard).toHaveBeenCalledExactlyOnceWith(snapshot);
    stop();
    await emit("snapshot", snapshot);
    expect(heard).toHaveBeenCalledOnce();
  });
});
