// The whole backend in memory: every command changes the snapshot the way the core would, so that panel, tests and
// screenshots need no shell.

import type { Backend, Unsubscribe } from "../backend";
import type {
  About,
  ClientApp,
  ClientCredentials,
  Event,
  ImportPreview,
  ImportReport,
  ImportSource,
  LogLine,
  NewServer,
  NotRenamed,
  Place,
  Probe,
  Removed,
  ServerChanges,
  ServerEntry,
  ServerId,
  Settings,
  SignOutReport,
  Snapshot,
  Step,
  Tool,
  UndoToken,
  UseInPreview,
} from "../bindings";
import { ABOUT, CLIENT_APPS, log, probe, steps, tools, SETTINGS, signOutReport, entry } from "./content";
import { MockApps } from "./apps";
import { IMPORT_CANDIDATES, IMPORT_SOURCES, imported } from "./imports";
import { type Scenario, SCENARIOS } from "./scenarios";
import { at, authenticated, browserPrompt, HOUR, pickPlace, problem, signedOut, stdio } from "./servers";
import { notRenamed, stillNamed, useInPreview } from "./use-in";
import { rejection, World } from "./world";

export type MockOptions = {
  scenario?: Scenario;
  /** How long what takes time in the world takes here. */
  pace?: number;
  settings?: Partial<Settings>;
};

const NEVER = new Promise<never>(() => undefined);
const CANNOT_REACH = problem("shell_unreachable", "the core does not answer", "retry");

export class MockBackend implements Backend {
  readonly world: World;
  readonly apps: MockApps;
  #settings: Settings;
  #astray = new Set<string>();
  readonly #scenario: Scenario;
  readonly #signIns = new Map<ServerId, ReturnType<typeof setTimeout>>();

  constructor({ scenario = "everyday", pace = 0, settings = {} }: MockOptions = {}) {
    this.#scenario = scenario;
    this.world = new World(SCENARIOS[scenario](), pace);
    this.apps = new MockApps(this.world, scenario);
    this.#settings = { ...SETTINGS, ...settings };
  }

  snapshot(): Promise<Snapshot> {
    if (this.#scenario === "loading") return NEVER;
    if (this.#scenario === "unreachable") return Promise.reject(rejection(CANNOT_REACH));
    return Promise.resolve(this.world.snapshot);
  }

  onSnapshot(callback: (snapshot: Snapshot) => void): Unsubscribe {
    return this.world.snapshots.on(callback);
  }

  onEvent(callback: (event: Event) => void): Unsubscribe {
    return this.world.events.on(callback);
  }

  async signIn(id: ServerId): Promise<void> {
    await this.world.called("signIn", id);
    const prompt = browserPrompt(id);
    this.world.change(id, { auth: "authenticating", connection: "connected", prompt, problem: null });
    this.world.tell({ event: "sign_in_started", server: id, prompt });
    this.#signIns.set(
      id,
      setTimeout(() => {
        this.#signedIn(id);
      }, this.world.pace * 6),
    );
  }

  async cancelSignIn(id: ServerId): Promise<void> {
    await this.world.called("cancelSignIn", id);
    clearTimeout(this.#signIns.get(id));
    this.world.change(id, { auth: "not_authenticated", prompt: null });
    this.world.tell({
      event: "sign_in_finished",
      server: id,
      problem: problem("sign_in_cancelled", `the sign-in to ${id} was cancelled`, "connect"),
    });
  }

  async copyLink(id: ServerId): Promise<void> {
    await this.world.called("copyLink", id);
  }

  async openLink(id: ServerId): Promise<void> {
    await this.world.called("openLink", id);
  }

  async signOut(id: ServerId): Promise<SignOutReport> {
    await this.world.called("signOut", id);
    this.world.change(id, signedOut(id, pickPlace(this.world.server(id))));
    this.world.tell({ event: "signed_out", server: id });
    return signOutReport(id);
  }

  async allowScopes(id: ServerId): Promise<void> {
    await this.world.called("allowScopes", id);
    const { scopes, missing_scopes } = this.world.server(id);
    this.world.change(id, { scopes: [...scopes, ...missing_scopes], missing_scopes: [] });
    await this.signIn(id);
  }

  async enterClient(id: ServerId, client: ClientCredentials): Promise<void> {
    await this.world.called("enterClient", `${id} ${client.client_id}`);
    this.world.change(id, { problem: null });
  }

  async unlockKeychain(): Promise<void> {
    await this.world.called("unlockKeychain");
    const healed = { auth: "authenticated", connection: "connected", problem: null } as const;
    this.world.set(
      this.world.servers.map((server) => (server.auth === "locked" ? { ...server, ...healed } : server)),
    );
  }

  async retry(id: ServerId): Promise<void> {
    await this.world.called("retry", id);
    this.world.change(id, { connection: "connecting", retry_at: null, problem: null });
    setTimeout(() => {
      this.world.change(id, { connection: "connected" });
      this.world.tell({ event: "transport_connected", server: id });
    }, this.world.pace);
  }

  async tools(id: ServerId): Promise<Tool[]> {
    await this.world.called("tools", id);
    return tools(this.world.server(id).tool_count ?? 0);
  }

  async timeline(id: ServerId): Promise<Step[]> {
    await this.world.called("timeline", id);
    const { url, auth, authenticated_at } = this.world.server(id);
    return url && authenticated_at ? steps(url, auth === "refresh_failed") : [];
  }

  async log(id: ServerId): Promise<LogLine[]> {
    await this.world.called("log", id);
    return log(id, this.world.server(id).transport === "stdio");
  }

  async probe(url: string): Promise<Probe> {
    await this.world.called("probe", url);
    return probe(url);
  }

  async addServer({ id, transport }: NewServer): Promise<void> {
    await this.world.called("addServer", id);
    if (this.world.servers.some((server) => server.id === id)) {
      throw rejection(problem("server_exists", `there is a server named ${id} already`, "none"));
    }
    const added = transport.kind === "stdio" ? stdio(id) : signedOut(id, { url: transport.url });
    this.world.set([...this.world.servers, added]);
  }

  async entry(id: ServerId): Promise<ServerEntry> {
    await this.world.called("entry", id);
    return entry(this.world.server(id));
  }

  async editServer(id: ServerId, changes: ServerChanges): Promise<NotRenamed[]> {
    await this.world.called("editServer", `${id} ${JSON.stringify(changes)}`);
    this.world.change(id, { id: changes.id ?? id, url: changes.url ?? this.world.server(id).url });
    return changes.id !== null && changes.id !== id ? notRenamed(id) : [];
  }

  async setEnabled(id: ServerId, enabled: boolean): Promise<void> {
    await this.world.called("setEnabled", `${id} ${String(enabled)}`);
    this.world.change(id, { connection: enabled ? "connected" : "disabled" });
  }

  async removeServer(id: ServerId): Promise<Removed> {
    await this.world.called("removeServer", id);
    const before = this.world.servers;
    this.world.set(before.filter((server) => server.id !== id));
    const undo = this.world.undoable(() => {
      this.world.set(before);
    });
    return { undo, still_named: stillNamed(id) };
  }

  async undo(token: UndoToken): Promise<void> {
    await this.world.called("undo", token);
    this.world.undo(token);
  }

  async openConfig(): Promise<void> {
    await this.world.called("openConfig");
  }

  async importSources(): Promise<ImportSource[]> {
    await this.world.called("importSources");
    return [...IMPORT_SOURCES];
  }

  async importPreview(source: string): Promise<ImportPreview> {
    await this.world.called("importPreview", source);
    return { source, candidates: [...IMPORT_CANDIDATES] };
  }

  async importApply(source: string, names: string[]): Promise<ImportReport> {
    await this.world.called("importApply", `${source} ${names.join(",")}`);
    const before = this.world.servers;
    const { report, servers } = imported(names, before);
    this.world.set(servers);
    const undo = this.world.undoable(() => {
      this.world.set(before);
    });
    return { ...report, undo: report.added.length > 0 ? undo : null };
  }

  async useInClients(): Promise<ClientApp[]> {
    await this.world.called("useInClients");
    return [...CLIENT_APPS];
  }

  async useInPreview(client: string, id: ServerId | null): Promise<UseInPreview> {
    await this.world.called("useInPreview", `${client} ${id ?? "*"}`);
    return useInPreview(client, id);
  }

  async useInApply(client: string, id: ServerId | null): Promise<UndoToken | null> {
    await this.world.called("useInApply", `${client} ${id ?? "*"}`);
    this.#astray.delete(client);
    return this.world.undoable(() => undefined);
  }

  async useInRemove(client: string, id: ServerId | null): Promise<void> {
    await this.world.called("useInRemove", `${client} ${id ?? "*"}`);
  }

  async useInAstray(): Promise<ClientApp[]> {
    await this.world.called("useInAstray");
    return CLIENT_APPS.filter(({ id }) => this.#astray.has(id));
  }

  async settings(): Promise<Settings> {
    await this.world.called("settings");
    return this.#settings;
  }

  async setSettings(settings: Settings): Promise<void> {
    await this.world.called("setSettings", JSON.stringify(settings));
    const moved = settings.gateway_port !== this.#settings.gateway_port && this.apps.clients.length > 0;
    if (moved) this.#astray = new Set(["cursor", "vscode"]);
    this.#settings = settings;
  }

  onSettings(callback: (settings: Settings) => void): Unsubscribe {
    return this.world.settings.on(callback);
  }

  place(): Promise<Place | null> {
    return Promise.resolve(null);
  }

  onPlace(callback: (place: Place) => void): Unsubscribe {
    return this.world.places.on(callback);
  }

  async about(): Promise<About> {
    await this.world.called("about");
    return ABOUT;
  }

  #signedIn(id: ServerId): void {
    const healthy = authenticated(id, pickPlace(this.world.server(id)));
    const now = {
      authenticated_at: at(0),
      refreshed_at: null,
      expires_at: at(HOUR),
      account: "ada@example.com",
    };
    this.world.change(id, { ...healthy, ...now });
    this.world.tell({ event: "sign_in_finished", server: id, problem: null });
    this.world.tell({ event: "tools_discovered", server: id, tool_count: healthy.tool_count ?? 0 });
  }
}
