import { describe, expect, it } from "vitest";

import { initial, tint, TINTS } from "./monogram";

describe("a monogram", () => {
  it("is what a reader calls the first character", () => {
    expect(initial("notion")).toBe("N");
    expect(initial("👩‍🚀 crew")).toBe("👩‍🚀");
    expect(initial("知識")).toBe("知");
  });

  it("has a tint that the style sheet knows", () => {
    for (const name of ["", "notion", "知識", "x".repeat(128)]) expect(tint(name)).toBeLessThan(TINTS);
  });
});
