// What pressing a button does.

import type { Deed } from "../actions";
import type { ServerId, ServerSnapshot } from "../bindings";
import { copyText } from "../clipboard";
import { asReport } from "../steps";
import type { Panel } from "./panel.svelte";

type Perform = (panel: Panel, id: ServerId) => Promise<unknown>;

const PERFORM: Readonly<Record<Deed, Perform>> = {
  connect: ({ backend }, id) => backend.signIn(id),
  reauthenticate: ({ backend }, id) => backend.signIn(id),
  allow: ({ backend }, id) => backend.allowScopes(id),
  unlock: ({ backend }) => backend.unlockKeychain(),
  retry: ({ backend }, id) => backend.retry(id),
  edit_config: ({ backend }) => backend.openConfig(),
  enter_client: (panel, id) => {
    panel.dialog = { kind: "client", id };
    return Promise.resolve();
  },
  ask_provider: copyReport,
  cancel: ({ backend }, id) => backend.cancelSignIn(id),
  copy_link: async ({ backend, toasts, i18n }, id) => {
    await backend.copyLink(id);
    toasts.say(i18n.t("toast.link_copied"));
  },
  open_link: ({ backend }, id) => backend.openLink(id),
  disconnect: (panel, id) => panel.signOut(id),
};

export async function perform(panel: Panel, deed: Deed, id: ServerId): Promise<void> {
  if (deed === "connect" || deed === "reauthenticate") panel.dismissReport(id);
  await panel.attempt(() => PERFORM[deed](panel, id));
}

/** Puts what happened on the clipboard, for whoever runs the server. */
async function copyReport({ backend, toasts, i18n, servers }: Panel, id: ServerId): Promise<void> {
  const server = servers.find((each) => each.id === id);
  const copied = await copyText(`${headline(server)}\n\n${asReport(await backend.timeline(id))}\n`);
  toasts.say(i18n.t(copied ? "toast.report_copied" : "toast.copy_failed"));
}

function headline(server: ServerSnapshot | undefined): string {
  const { url, problem } = server ?? {};
  return [url, problem && `${problem.code}: ${problem.message}`].filter(Boolean).join("\n");
}
