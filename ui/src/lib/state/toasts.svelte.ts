// Short news at the lower edge: what was done, how to take it back, what went wrong.

import type { Problem } from "../bindings";

/** What is left to be done elsewhere: its code in the troubleshooting guide, and where or why, in no language of ours. */
export type Notice = { text: string; code: string; lines: readonly string[] };

export type Toast = {
  id: number;
  text: string;
  problem: Problem | null;
  notice: Notice | null;
  undo: (() => Promise<void>) | null;
};

const SHOWN_MS = 6_000;
/** Taking back needs time to be noticed. */
const UNDO_MS = 12_000;

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  say(text: string): void {
    this.#add({ text });
  }

  /** Stays until it is dismissed, as what has to be done must not slip away, either. */
  tell(notice: Notice): number {
    return this.#add({ text: notice.text, notice });
  }

  offerUndo(text: string, undo: () => Promise<void>): void {
    this.#add({ text, undo });
  }

  /** Stays until it is dismissed: a failure must not slip away. */
  fail(problem: Problem): void {
    const same = this.list.find((toast) => toast.problem?.code === problem.code);
    if (same) this.dismiss(same.id);
    this.#add({ text: problem.message, problem });
  }

  dismiss(id: number): void {
    this.hold(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** The newest that can be taken back. */
  get undoable(): Toast | null {
    return this.list.findLast(({ undo }) => undo) ?? null;
  }

  async undo({ id, undo }: Toast): Promise<void> {
    this.dismiss(id);
    await undo?.();
  }

  /** While a pointer or the focus is on it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  release(id: number): void {
    const toast = this.list.find((each) => each.id === id);
    if (!toast || toast.problem || toast.notice) return;
    this.hold(id);
    const dismiss = () => {
      this.dismiss(id);
    };
    this.#timers.set(id, setTimeout(dismiss, toast.undo ? UNDO_MS : SHOWN_MS));
  }

  #add(toast: Partial<Toast> & { text: string }): number {
    const id = this.#next;
    this.#next += 1;
    this.list = [...this.list.slice(-2), { problem: null, notice: null, undo: null, ...toast, id }];
    this.release(id);
    return id;
  }
}
