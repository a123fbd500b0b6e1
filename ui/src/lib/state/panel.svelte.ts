// What the panel shows: the backend's truth, and where the user is looking. Everything else is derived from these.

import type { Backend, Unsubscribe } from "../backend";
import type {
  AccessSnapshot,
  HeldMark,
  Place,
  Problem,
  ServerId,
  ServerSnapshot,
  SignOutReport,
  Snapshot,
} from "../bindings";
import { toolCount } from "../review";
import { asProblem } from "../problem";
import { stillNamed } from "../left-behind";
import { keptSelection, matching, nextNeedy } from "../server-list";
import { needsAttention } from "../status";
import type { Tab } from "../shortcuts";
import type { I18n } from "./i18n.svelte";
import { Toasts, type Notice } from "./toasts.svelte";

export type Page = "server" | "settings" | "apps";

export type OpenDialog =
  | { kind: "add" }
  | { kind: "edit"; id: ServerId }
  | { kind: "client"; id: ServerId }
  | { kind: "import" }
  | { kind: "use_in"; id: ServerId | null }
  | { kind: "other_app"; id: ServerId | null }
  | { kind: "review"; id: ServerId | null }
  | { kind: "rules"; client: string }
  | { kind: "revoke"; client: string }
  | { kind: "shortcuts" };

export class Panel {
  /** Null until the backend has answered for the first time. */
  snapshot = $state.raw<Snapshot | null>(null);
  failure = $state.raw<Problem | null>(null);
  /** Who else uses the servers; null until the backend has answered. */
  access = $state.raw<AccessSnapshot | null>(null);
  selected = $state<ServerId | null>(null);
  page = $state<Page>("server");
  tab = $state<Tab>("overview");
  query = $state("");
  dialog = $state.raw<OpenDialog | null>(null);
  /** In a narrow window, list and page take turns. */
  pageInFront = $state(false);
  signOuts = $state.raw<ReadonlyMap<ServerId, SignOutReport>>(new Map());
  readonly toasts = new Toasts();

  readonly servers = $derived<readonly ServerSnapshot[]>(this.snapshot?.servers ?? []);
  readonly ids = $derived(this.servers.map(({ id }) => id));
  readonly listed = $derived(matching(this.servers, this.query));
  readonly needy = $derived(this.servers.filter(needsAttention).length);
  readonly held = $derived<readonly HeldMark[]>(this.access?.held ?? []);
  /** Tools that are held back from anyone, each counted once. */
  readonly heldCount = $derived(toolCount(this.held));
  readonly server = $derived(this.servers.find(({ id }) => id === this.selected) ?? null);

  constructor(
    readonly backend: Backend,
    readonly i18n: I18n,
  ) {}

  /** Fetches the truth and keeps up with it until the returned function is called. */
  start(): Unsubscribe {
    const stops = [
      this.backend.onSnapshot((snapshot) => {
        this.accept(snapshot);
      }),
      this.backend.apps.onState((state) => (this.access = state)),
      this.backend.onPlace((place) => {
        this.goTo(place);
      }),
    ];
    void this.load();
    void this.loadAccess();
    return () => {
      for (const stop of stops) stop();
    };
  }

  async load(): Promise<void> {
    this.failure = null;
    try {
      const snapshot = await this.backend.snapshot();
      // News that came meanwhile are newer than this answer.
      if (!this.snapshot) this.accept(snapshot);
      const place = await this.backend.place();
      if (place) this.goTo(place);
    } catch (thrown) {
      this.failure = asProblem(thrown);
    }
  }

  /** Where it fails, the page of the apps says so. */
  async loadAccess(): Promise<void> {
    try {
      this.access = await this.backend.apps.state();
    } catch (thrown) {
      this.access = { clients: [], bridge: null, held: [], problem: asProblem(thrown) };
    }
  }

  /** What is held back of one server's tools. */
  heldAt(id: ServerId): HeldMark[] {
    return this.held.filter(({ server }) => server === id);
  }

  accept(snapshot: Snapshot): void {
    const before = this.ids;
    this.snapshot = snapshot;
    this.selected = keptSelection(before, this.ids, this.selected);
  }

  select(id: ServerId): void {
    this.selected = id;
    this.page = "server";
  }

  /** Also brings the page to the front where there is room for only one. */
  open(id: ServerId): void {
    this.select(id);
    this.pageInFront = true;
  }

  goTo(place: Place): void {
    this.dialog = place.place === "add" ? { kind: "add" } : null;
    if (place.place === "settings") this.openPage("settings");
    if (place.place === "server") this.open(place.server);
    if (place.place === "review") this.openReview(place.server);
  }

  openPage(page: Exclude<Page, "server">): void {
    this.page = page;
    this.pageInFront = true;
  }

  openReview(server: ServerId): void {
    if (this.ids.includes(server)) this.open(server);
    this.dialog = { kind: "review", id: server };
  }

  openNeedy(): void {
    const id = nextNeedy(this.servers, this.selected);
    if (id === null) return;
    this.query = "";
    this.tab = "overview";
    this.open(id);
  }

  /** Does it, and shows why where it fails; resolves to whether it worked. */
  async attempt(deed: () => Promise<unknown>): Promise<boolean> {
    try {
      await deed();
      return true;
    } catch (thrown) {
      this.toasts.fail(asProblem(thrown));
      return false;
    }
  }

  async signOut(id: ServerId): Promise<void> {
    await this.attempt(async () => {
      this.#keepReport(id, await this.backend.signOut(id));
    });
  }

  dismissReport(id: ServerId): void {
    this.#keepReport(id, null);
  }

  async remove(id: ServerId): Promise<void> {
    await this.attempt(async () => {
      const { undo, still_named } = await this.backend.removeServer(id);
      const notice = this.tell(stillNamed(id, still_named, this.i18n.translator));
      this.toasts.offerUndo(this.i18n.t("toast.removed", { name: id }), async () => {
        const isBack = await this.attempt(() => this.backend.undo(undo));
        if (isBack && notice !== null) this.toasts.dismiss(notice);
      });
    });
  }

  /** What is left to be done in other apps, if anything is. */
  tell(notice: Notice | null): number | null {
    return notice && this.toasts.tell(notice);
  }

  offerUndo(text: string, token: string): void {
    this.toasts.offerUndo(text, async () => {
      await this.attempt(() => this.backend.undo(token));
    });
  }

  async undoLast(): Promise<void> {
    const toast = this.toasts.undoable;
    if (toast) await this.toasts.undo(toast);
  }

  #keepReport(id: ServerId, report: SignOutReport | null): void {
    const reports = new Map(this.signOuts);
    if (report) reports.set(id, report);
    else reports.delete(id);
    this.signOuts = reports;
  }
}
