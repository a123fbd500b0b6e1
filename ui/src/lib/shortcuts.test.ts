import { describe, expect, it } from "vitest";

import { ariaKeys, commandFor, keysOf, SHORTCUTS, type KeyPress } from "./shortcuts";

describe("a shortcut", () => {
  const press = (changes: Partial<KeyPress>): KeyPress => ({
    key: "",
    metaKey: false,
    ctrlKey: false,
    shiftKey: false,
    altKey: false,
    ...changes,
  });

  it("answers to ⌘ on a Mac and to Ctrl elsewhere", () => {
    expect(commandFor(press({ key: "n", metaKey: true }), true)).toBe("add");
    expect(commandFor(press({ key: "n", ctrlKey: true }), true)).toBeNull();
    expect(commandFor(press({ key: "n", ctrlKey: true }), false)).toBe("add");
  });

  it("is not mistaken for its neighbour with Shift or Alt", () => {
    expect(commandFor(press({ key: "o", metaKey: true }), true)).toBe("import");
    expect(commandFor(press({ key: "Z", metaKey: true, shiftKey: true }), true)).toBeNull();
    expect(commandFor(press({ key: "n", metaKey: true, altKey: true }), true)).toBeNull();
  });

  it("is found on keyboards that have its sign above another key", () => {
    expect(commandFor(press({ key: "/", ctrlKey: true, shiftKey: true }), false)).toBe("shortcuts");
  });

  it("is unique, and is told to people and to screen readers alike", () => {
    const keys = SHORTCUTS.map((shortcut) => keysOf(shortcut, false).join("+"));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keysOf(SHORTCUTS[0] as (typeof SHORTCUTS)[0], true)).toEqual(["⌘", "N"]);
    expect(ariaKeys("import", true)).toBe("Meta+o");
  });
});
