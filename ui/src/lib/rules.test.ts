import { describe, expect, it } from "vitest";

import { choicesOf, rulesOf } from "./rules";

const KNOWN = ["notion", "linear", "lab"];

describe("what an app may use", () => {
  it("is everything until somebody chooses", () => {
    const choices = choicesOf({ servers: ["*"], tools: ["*"] }, KNOWN);
    expect(choices).toMatchObject({ mode: "all", byHand: false });
    expect(rulesOf(choices)).toEqual({ servers: ["*"], tools: ["*"] });
  });

  it("is some servers with all their tools, those that come later among them", () => {
    const rules = { servers: ["notion", "linear"], tools: ["*"] };
    const choices = choicesOf(rules, KNOWN);
    expect([...choices.servers]).toEqual([
      ["notion", null],
      ["linear", null],
    ]);
    expect(rulesOf(choices)).toEqual(rules);
  });

  it("is some tools of one server and all of another", () => {
    const rules = { servers: ["notion", "linear"], tools: ["notion__search", "notion__fetch", "linear__*"] };
    const choices = choicesOf(rules, KNOWN);
    expect(choices.byHand).toBe(false);
    expect(choices.servers.get("notion")).toEqual(["search", "fetch"]);
    expect(choices.servers.get("linear")).toBeNull();
    expect(rulesOf(choices)).toEqual(rules);
  });

  it("keeps a server that is not here at the moment, and nothing at all", () => {
    const gone = { servers: ["gone"], tools: ["*"] };
    expect(rulesOf(choicesOf(gone, KNOWN))).toEqual(gone);
    const nothing = { servers: [], tools: ["*"] };
    expect(rulesOf(choicesOf(nothing, KNOWN))).toEqual(nothing);
  });

  it("that was written as patterns is shown by what it matches, and said to be so", () => {
    const choices = choicesOf({ servers: ["l*"], tools: ["*__search"] }, KNOWN);
    expect([...choices.servers.keys()]).toEqual(["linear", "lab"]);
    expect(choices.byHand).toBe(true);
    expect(choicesOf({ servers: ["*"], tools: ["notion__search"] }, KNOWN).byHand).toBe(true);
  });

  it("gives a tool to the server with the longer name", () => {
    const rules = { servers: ["a", "a__b"], tools: ["a__*", "a__b__c"] };
    const choices = choicesOf(rules, ["a", "a__b"]);
    expect(choices.servers.get("a")).toBeNull();
    expect(choices.servers.get("a__b")).toEqual(["c"]);
  });
});
