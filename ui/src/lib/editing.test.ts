import { describe, expect, it } from "vitest";

import type { ServerEntry } from "./bindings";
import { changesOf, faultOf, formOf } from "./editing";

describe("an edited entry", () => {
  const entry: ServerEntry = {
    id: "db",
    transport: "stdio",
    url: null,
    command: "npx",
    argument_count: 2,
    env_names: ["TOKEN", "LEVEL"],
    header_names: [],
    timeout_seconds: 30,
    client_id: null,
    scopes: null,
    account: null,
  };

  it("that was not touched changes nothing", () => {
    const { set_env, remove_env, set_headers, remove_headers, ...rest } = changesOf(entry, formOf(entry));
    expect([set_env, remove_env, set_headers, remove_headers]).toEqual([[], [], [], []]);
    expect(Object.values(rest).every((value) => value === null)).toBe(true);
  });

  it("keeps, replaces and takes away values without ever having read them", () => {
    const form = formOf(entry);
    form.env = [
      { name: "TOKEN", stored: true, mode: "remove", value: "" },
      { name: "LEVEL", stored: true, mode: "keep", value: "" },
      { name: "NEW", stored: false, mode: "set", value: "1" },
      { name: " ", stored: false, mode: "set", value: "ignored" },
    ];
    form.args = "-y\nserver";
    const changes = changesOf(entry, form);
    expect(changes.set_env).toEqual([{ name: "NEW", value: "1" }]);
    expect(changes.remove_env).toEqual(["TOKEN"]);
    expect(changes.args).toEqual(["-y", "server"]);
  });

  it("says what keeps it from being saved", () => {
    const form = formOf(entry);
    expect(faultOf(entry, form, ["db"])).toBeNull();
    expect(faultOf(entry, { ...form, id: "" }, [])).toBe("name_empty");
    expect(faultOf(entry, { ...form, id: "other" }, ["db", "other"])).toBe("name_taken");
    expect(faultOf(entry, { ...form, command: " " }, [])).toBe("command");
    expect(faultOf(entry, { ...form, timeout: "soon" }, [])).toBe("timeout");
    const remote = { ...entry, transport: "streamable-http" as const };
    expect(faultOf(remote, { ...form, url: "nope" }, [])).toBe("url");
  });
});
