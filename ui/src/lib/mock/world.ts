// The truth behind the backend in memory, and who is told when it changes.

import type { Unsubscribe } from "../backend";
import type {
  Event,
  Place,
  Problem,
  ServerId,
  ServerSnapshot,
  Settings,
  Snapshot,
  UndoToken,
} from "../bindings";
import { problem } from "./servers";

/** Whoever wants to hear of one kind of thing. */
export class Told<T> {
  readonly #callbacks = new Set<(news: T) => void>();

  on(callback: (news: T) => void): Unsubscribe {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  tell(news: T): void {
    for (const callback of this.#callbacks) callback(news);
  }
}

export class World {
  /** Every command and its argument, for tests that ask what the panel did. */
  readonly calls: string[] = [];
  /** Thrown by the next command of that name. */
  readonly failures = new Map<string, Problem>();
  readonly snapshots = new Told<Snapshot>();
  readonly events = new Told<Event>();
  readonly settings = new Told<Settings>();
  readonly places = new Told<Place>();
  readonly #undo = new Map<UndoToken, () => void>();

  constructor(
    public snapshot: Snapshot,
    readonly pace: number,
  ) {}

  push(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.snapshots.tell(snapshot);
  }

  tell(event: Event): void {
    this.events.tell(event);
  }

  async called(command: string, argument = ""): Promise<void> {
    this.calls.push(argument ? `${command} ${argument}` : command);
    if (this.pace > 0) await new Promise((resolve) => setTimeout(resolve, this.pace / 4));
    const failure = this.failures.get(command);
    this.failures.delete(command);
    if (failure) throw rejection(failure);
  }

  get servers(): ServerSnapshot[] {
    return this.snapshot.servers;
  }

  server(id: ServerId): ServerSnapshot {
    const server = this.servers.find((each) => each.id === id);
    if (!server) throw rejection(problem("no_such_server", `there is no server named ${id}`, "none"));
    return server;
  }

  change(id: ServerId, changes: Partial<ServerSnapshot>): void {
    this.set(this.servers.map((server) => (server.id === id ? { ...server, ...changes } : server)));
  }

  set(servers: ServerSnapshot[]): void {
    this.push({ ...this.snapshot, servers });
  }

  undoable(back: () => void): UndoToken {
    const token = `undo-${String(this.#undo.size + 1)}`;
    this.#undo.set(token, back);
    return token;
  }

  undo(token: UndoToken): void {
    this.#undo.get(token)?.();
    this.#undo.delete(token);
  }
}

/** Commands reject with a plain object, as they do over the IPC. */
export function rejection(failure: Problem): Error {
  return failure as unknown as Error;
}
