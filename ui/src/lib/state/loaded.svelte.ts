// Something fetched for the screen: drawn as loading, ready or failed, and kept while it is fetched again.

import type { Problem } from "../bindings";
import { asProblem } from "../problem";

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** Answers may overtake each other; only that of the last question counts. */
  #asked = 0;

  constructor(private readonly fetch: () => Promise<T>) {}

  async load(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const value = await this.fetch();
      if (asked === this.#asked) [this.value, this.problem] = [value, null];
    } catch (thrown) {
      if (asked === this.#asked) this.problem = asProblem(thrown);
    }
  }
}
