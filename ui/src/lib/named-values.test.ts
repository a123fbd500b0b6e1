import { describe, expect, it } from "vitest";

import { namedValues } from "./named-values";

describe("environment lines", () => {
  it("may hold further equal signs, and are skipped without a name", () => {
    expect(namedValues("A=1\nB=x=y\n=z\nplain\n")).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "x=y" },
    ]);
  });
});
