import { cleanup, configure } from "@testing-library/svelte";
import { afterEach, beforeEach, vi } from "vitest";

// Without a layout nothing is hidden, and asking for it is what takes the time.
configure({ defaultHidden: true, getElementError: (message) => new Error(message ?? "not found") });

beforeEach(() => {
  // The shortcuts below are the Mac's.
  vi.spyOn(navigator, "platform", "get").mockReturnValue("MacIntel");
  // happy-dom lays nothing out, so there is nothing to scroll.
  Element.prototype.scrollIntoView = () => undefined;
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});
