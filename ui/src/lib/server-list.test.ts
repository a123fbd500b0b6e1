import { describe, expect, it } from "vitest";

import { authenticated, signedOut } from "./mock/servers";
import { keptSelection, matching, neighbour, nextNeedy, typedAhead } from "./server-list";

describe("searching", () => {
  const servers = [
    authenticated("notion", { workspace: "Analytical Engines" }),
    authenticated("línear", { account: "ada@example.com" }),
  ];
  const found = (query: string) => matching(servers, query).map(({ id }) => id);

  it("finds every word anywhere, without regard to case and accents", () => {
    expect(found("ENGINES notion")).toEqual(["notion"]);
    expect(found("linear")).toEqual(["línear"]);
    expect(found("ada notion")).toEqual([]);
  });

  it("shows everything while nothing is asked", () => {
    expect(found("  ")).toHaveLength(2);
  });
});

describe("the arrow keys", () => {
  const ids = ["a", "b", "c"];

  it("walk the list and hold at its ends", () => {
    expect(neighbour(ids, "a", "ArrowDown")).toBe("b");
    expect(neighbour(ids, "c", "ArrowDown")).toBe("c");
    expect(neighbour(ids, "a", "ArrowUp")).toBe("a");
    expect(neighbour(ids, "b", "PageDown")).toBe("c");
    expect(neighbour(ids, "b", "Home")).toBe("a");
    expect(neighbour(ids, "b", "End")).toBe("c");
  });

  it("begin at an end when the selected server is not listed", () => {
    expect(neighbour(ids, "gone", "ArrowDown")).toBe("a");
    expect(neighbour(ids, null, "ArrowUp")).toBe("c");
    expect(neighbour([], null, "ArrowDown")).toBeNull();
  });
});

describe("typing ahead", () => {
  const ids = ["notion", "sentry", "slack", "stripe"];

  it("goes to the next name that begins so, and round", () => {
    expect(typedAhead(ids, "notion", "s")).toBe("sentry");
    expect(typedAhead(ids, "stripe", "s")).toBe("sentry");
  });

  it("stays where it is while the same name still fits", () => {
    expect(typedAhead(ids, "slack", "sl")).toBe("slack");
    expect(typedAhead(ids, "slack", "x")).toBeNull();
  });
});

describe("the next server that needs a person", () => {
  it("is found going round", () => {
    const servers = [signedOut("a"), authenticated("b"), signedOut("c")];
    expect(nextNeedy(servers, "a")).toBe("c");
    expect(nextNeedy(servers, "c")).toBe("a");
    expect(nextNeedy([authenticated("b")], "b")).toBeNull();
  });
});

describe("the selection", () => {
  it("stays with its server", () => {
    expect(keptSelection(["a", "b"], ["c", "b"], "b")).toBe("b");
  });

  it("passes to the server that took the removed one's place", () => {
    expect(keptSelection(["a", "b", "c"], ["a", "c"], "b")).toBe("c");
    expect(keptSelection(["a", "b"], ["a"], "b")).toBe("a");
    expect(keptSelection(["a"], [], "a")).toBeNull();
  });

  it("falls on the first server at the start", () => {
    expect(keptSelection([], ["a", "b"], null)).toBe("a");
  });
});
