// The one seam between the panel and the world: everything the panel knows or does goes through here.

import type {
  About,
  AccessSnapshot,
  ClientApp,
  ClientCredentials,
  Event,
  HeldTool,
  ImportPreview,
  ImportReport,
  ImportSource,
  LogLine,
  LoggedCall,
  NewServer,
  NotRenamed,
  OtherApp,
  Place,
  Probe,
  Removed,
  ReviewedTool,
  Rules,
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
} from "./bindings";

export type Unsubscribe = () => void;

/** Who else may use the servers: apps with a key of their own, and programs on standard streams. */
export type AppsBackend = {
  state(): Promise<AccessSnapshot>;
  /** Called when a key, a rule or what is held back has changed, by whichever process. */
  onState(callback: (state: AccessSnapshot) => void): Unsubscribe;
  /** Called when calls were logged. */
  onCalls(callback: () => void): Unsubscribe;
  /** What is held back, with what changed. */
  held(): Promise<HeldTool[]>;
  /** Lets an app have tools as they were reviewed, and nothing newer. */
  approve(client: string, server: ServerId, tools: ReviewedTool[]): Promise<void>;
  revoke(client: string): Promise<void>;
  /** Its key, its rules, what it approved and its calls go on under the new name. */
  rename(client: string, name: string): Promise<void>;
  setRules(client: string, rules: Rules): Promise<void>;
  /** The last ones, the newest first; of one app, or of all. */
  calls(client: string | null): Promise<LoggedCall[]>;
  /** Makes a key for an app by a name of the user's. It comes back this once; without a server, it is for all. */
  issue(name: string, server: ServerId | null): Promise<OtherApp>;
};

/** Every promise rejects with a `Problem`. Commands that change something resolve when it is done, not when it shows. */
export type Backend = {
  snapshot(): Promise<Snapshot>;
  /** Called with each new truth; not called for the present one. */
  onSnapshot(callback: (snapshot: Snapshot) => void): Unsubscribe;
  onEvent(callback: (event: Event) => void): Unsubscribe;

  /** Starts a sign-in; how it goes shows in the snapshot. */
  signIn(id: ServerId): Promise<void>;
  cancelSignIn(id: ServerId): Promise<void>;
  /** Puts the pending sign-in's link on the clipboard. */
  copyLink(id: ServerId): Promise<void>;
  /** Opens the pending sign-in's link in the browser, again. */
  openLink(id: ServerId): Promise<void>;
  signOut(id: ServerId): Promise<SignOutReport>;
  /** Asks for the missing scopes. */
  allowScopes(id: ServerId): Promise<void>;
  enterClient(id: ServerId, client: ClientCredentials): Promise<void>;
  unlockKeychain(): Promise<void>;
  retry(id: ServerId): Promise<void>;

  tools(id: ServerId): Promise<Tool[]>;
  timeline(id: ServerId): Promise<Step[]>;
  log(id: ServerId): Promise<LogLine[]>;

  probe(url: string): Promise<Probe>;
  addServer(server: NewServer): Promise<void>;
  entry(id: ServerId): Promise<ServerEntry>;
  /** Resolves to what could not be renamed in other apps. */
  editServer(id: ServerId, changes: ServerChanges): Promise<NotRenamed[]>;
  setEnabled(id: ServerId, enabled: boolean): Promise<void>;
  /** Takes the entry out; its grant is kept until the token can no longer be redeemed. */
  removeServer(id: ServerId): Promise<Removed>;
  undo(token: UndoToken): Promise<void>;
  /** Opens the config file in the user's editor. */
  openConfig(): Promise<void>;

  importSources(): Promise<ImportSource[]>;
  importPreview(source: string): Promise<ImportPreview>;
  /** `names` are the candidates' names in the other client. */
  importApply(source: string, names: string[]): Promise<ImportReport>;

  readonly apps: AppsBackend;

  useInClients(): Promise<ClientApp[]>;
  /** Without a server: all of them together. */
  useInPreview(client: string, id: ServerId | null): Promise<UseInPreview>;
  /** Null where the client's file said so already: there is nothing to take back. */
  useInApply(client: string, id: ServerId | null): Promise<UndoToken | null>;
  /** Takes it out again, whenever it was written. */
  useInRemove(client: string, id: ServerId | null): Promise<void>;
  /** Apps that look for the gateway where it no longer is. */
  useInAstray(): Promise<ClientApp[]>;

  settings(): Promise<Settings>;
  setSettings(settings: Settings): Promise<void>;
  /** Called when they were changed elsewhere, such as by the tray's Pause. */
  onSettings(callback: (settings: Settings) => void): Unsubscribe;
  about(): Promise<About>;

  /** Where a window that was just made should begin; asked once. */
  place(): Promise<Place | null>;
  /** Called when the tray or a notification leads somewhere while the window is there. */
  onPlace(callback: (place: Place) => void): Unsubscribe;
};
