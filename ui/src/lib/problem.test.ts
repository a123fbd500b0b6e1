import { describe, expect, it } from "vitest";

import { asProblem } from "./problem";

describe("a thrown value", () => {
  it("that is a problem is shown as it is", () => {
    const problem = { code: "x", message: "y", action: "retry" } as const;
    expect(asProblem(problem)).toBe(problem);
  });

  it("of any other kind gets a code of its own", () => {
    expect(asProblem(new Error("boom"))).toEqual({ code: "panel_failure", message: "boom", action: "none" });
    expect(asProblem({ code: "x", message: "y", action: "explode" }).code).toBe("panel_failure");
    expect(asProblem(undefined).message).toBe("undefined");
  });
});
