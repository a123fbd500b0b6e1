// What other apps still say of a server that was renamed or removed.

import type { NamingEntry, NotRenamed, ServerId } from "./bindings";
import type { Translator } from "./i18n/translate";
import type { Notice } from "./state/toasts.svelte";

/** Apps that ask for a server which is gone, with where that stands; null where there are none. */
export function stillNamed(
  name: ServerId,
  entries: readonly NamingEntry[],
  translator: Translator,
): Notice | null {
  if (entries.length === 0) return null;
  const apps = translator.list([...new Set(entries.map((entry) => entry.name))]);
  const lines = entries.map(({ path, entry }) => `${path}: ${entry}`);
  return { text: translator.t("left.still_named", { name, apps }), code: "client_still_names", lines };
}

/** Apps that may still ask for a server by its old name, with why; null where all of them follow. */
export function notRenamed(
  { old, name }: { old: ServerId; name: ServerId },
  left: readonly NotRenamed[],
  translator: Translator,
): Notice | null {
  if (left.length === 0) return null;
  const known = left.map(({ client }) => client).filter((client) => client !== null);
  const text =
    known.length > 0
      ? translator.t("left.not_renamed", { old, name, apps: translator.list(known) })
      : translator.t("left.not_renamed_anyone", { old, name });
  const lines = left.map(({ cause }) => cause.message);
  return { text, code: "client_not_renamed", lines };
}
