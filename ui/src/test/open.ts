// The whole panel over the backend in memory.

import { render, screen, within } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { expect, vi } from "vitest";

import App from "../App.svelte";
import type { Language } from "../lib/bindings";
import { MockBackend, type MockOptions } from "../lib/mock/mock";
import type { Scenario } from "../lib/mock/scenarios";
import { I18n } from "../lib/state/i18n.svelte";

export type Opened = {
  backend: MockBackend;
  user: UserEvent;
  /** Presses the button of that name. */
  press: (name: string | RegExp) => Promise<void>;
  choose: (server: string) => Promise<void>;
  /** What the page at the right says. */
  page: () => string;
  did: (call: string) => Promise<void>;
};

export async function open(
  scenario: Scenario = "everyday",
  { language = "en", ...options }: MockOptions & { language?: Language } = {},
): Promise<Opened> {
  const backend = new MockBackend({ scenario, settings: { language }, ...options });
  const settings = await backend.settings();
  const user = userEvent.setup();
  render(App, { backend, i18n: await I18n.load(settings.language), settings });
  await vi.waitFor(() => {
    expect(screen.getByRole("navigation")).toBeTruthy();
  });
  if (scenario !== "loading") await settle();
  return {
    backend,
    user,
    press: async (name) => {
      await user.click(await screen.findByRole("button", { name }));
      await settle();
    },
    choose: async (server) => {
      const list = within(screen.getByRole("listbox"));
      await user.click(list.getByText(server));
      await settle();
    },
    page: () => screen.getByRole("main").textContent,
    did: async (call) => {
      await vi.waitFor(() => {
        expect(backend.world.calls).toContain(call);
      });
    },
  };
}

/** Lets every answer that is already on its way arrive and be drawn. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) await new Promise((resolve) => setTimeout(resolve));
}
