// A server about to be added: asks its URL at once what it needs, while the user still types.

import type { Backend } from "../backend";
import type { ClientCredentials, NewServer, NewTransport, Probe, Problem, ServerId } from "../bindings";
import { namedValues } from "../named-values";
import { asProblem } from "../problem";
import { parseServerUrl, suggestedName, unique } from "../server-name";

/** Long enough not to ask at every key press. */
const PAUSE_MS = 350;

export type Probing = { state: "idle" } | { state: "asking" } | { state: "answered"; probe: Probe };

export class Adding {
  kind = $state<NewTransport["kind"]>("http");
  url = $state("");
  command = $state("");
  args = $state("");
  env = $state("");
  clientId = $state("");
  clientSecret = $state("");
  probing = $state.raw<Probing>({ state: "idle" });
  problem = $state.raw<Problem | null>(null);
  #name = $state<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(
    private readonly backend: Backend,
    private readonly taken: readonly ServerId[],
  ) {}

  get isUrl(): boolean {
    return parseServerUrl(this.url) !== null;
  }

  get isTaken(): boolean {
    return this.taken.includes(this.name.trim());
  }

  get needsClient(): boolean {
    return this.#result === "needs_client";
  }

  /** Whether a sign-in can follow at once. */
  get canSignIn(): boolean {
    if (this.kind !== "http") return false;
    return this.#result === "needs_sign_in" || (this.needsClient && this.clientId.trim() !== "");
  }

  get isReady(): boolean {
    const hasAddress = this.kind === "http" ? this.isUrl : this.command.trim() !== "";
    return hasAddress && this.name.trim() !== "" && !this.isTaken;
  }

  /** What the user wrote, or else what the address suggests. */
  get name(): string {
    return this.#name ?? this.#suggestion;
  }

  set name(name: string) {
    this.#name = name;
  }

  /** To be called when the URL changed; answers to an earlier URL are dropped. */
  urlChanged(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.probing = { state: "idle" };
    if (!this.isUrl) return;
    this.probing = { state: "asking" };
    this.#timer = setTimeout(() => void this.probe(), PAUSE_MS);
  }

  async probe(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.probing = { state: "asking" };
    const probe = await this.backend.probe(this.url.trim()).catch(unreachable);
    if (asked === this.#asked) this.probing = { state: "answered", probe };
  }

  /** Resolves to the new server's name, or to null when it could not be added. */
  async add(): Promise<ServerId | null> {
    const server: NewServer = { id: this.name.trim(), transport: this.#transport(), client: this.#client() };
    try {
      await this.backend.addServer(server);
      return server.id;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return null;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  get #result(): Probe["result"] | null {
    return this.probing.state === "answered" ? this.probing.probe.result : null;
  }

  get #suggestion(): string {
    return this.kind === "http" ? suggestedName(this.url, this.taken) : programName(this.command, this.taken);
  }

  #transport(): NewTransport {
    if (this.kind === "http") return { kind: "http", url: this.url.trim() };
    const args = this.args.split("\n").filter((line) => line !== "");
    return { kind: "stdio", command: this.command.trim(), args, env: namedValues(this.env) };
  }

  #client(): ClientCredentials | null {
    if (this.kind !== "http" || !this.needsClient || this.clientId.trim() === "") return null;
    return { client_id: this.clientId.trim(), client_secret: this.clientSecret || null };
  }
}

function unreachable(thrown: unknown): Probe {
  return { result: "unreachable", problem: asProblem(thrown) };
}

function programName(command: string, taken: readonly ServerId[]): string {
  const program = command.trim().split(/[\\/]/).at(-1) ?? "";
  return program === "" ? "" : unique(program, taken);
}
