// What is worth knowing of a use before it is done.

import type { UseInNote } from "./bindings";
import type { Translate } from "./i18n/translate";

/** Null where the panel says it elsewhere: whether the gateway runs beside the entry, and to restart once it is written. */
export function noteInWords(note: UseInNote, t: Translate): string | null {
  switch (note.code) {
    case "omlx_looks_elsewhere":
      return t("use_in.note_elsewhere", { path: note.path });
    case "omlx_refuses_file":
      return t("use_in.note_refused", { path: note.path, refusal: note.refusal });
    case "others_can_read":
      return t("use_in.note_readable", { path: note.path });
    case "later_servers":
      return t("use_in.note_later", { client: note.client });
    case "gateway_away":
    case "restart_client":
      return null;
  }
}
