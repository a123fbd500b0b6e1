// The present moment for whoever shows one; ticks only while something on the screen reads it.

import { createSubscriber } from "svelte/reactivity";

class Clock {
  readonly #subscribe: () => void;

  constructor(milliseconds: number) {
    this.#subscribe = createSubscriber((update) => {
      const timer = setInterval(update, milliseconds);
      return () => {
        clearInterval(timer);
      };
    });
  }

  get now(): Date {
    this.#subscribe();
    return new Date();
  }
}

const seconds = new Clock(1_000);
const minutes = new Clock(30_000);

/** As fast a clock as telling the distance to `at` needs. */
export function nowFor(at: string | null): Date {
  const near = at !== null && Math.abs(Date.parse(at) - Date.now()) < 120_000;
  return near ? seconds.now : minutes.now;
}
