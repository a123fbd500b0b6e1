import { describe, expect, it } from "vitest";

import { qrPath } from "./qr";

describe("a QR code", () => {
  it("is one path on a square", () => {
    const code = qrPath("https://example.com/device?user_code=WDJB-MJHT");
    expect(code?.size).toBeGreaterThan(20);
    expect(code?.path).toMatch(/^M\d/);
  });

  it("is left out where no phone could read it", () => {
    expect(qrPath("x".repeat(601))).toBeNull();
  });
});
