// What a screen reader is told when something happens that the eye would see.

import type { Event } from "../bindings";
import type { Translate } from "../i18n/translate";

export type Announcement = { text: string; urgent: boolean };

export function announcement(event: Event, t: Translate): Announcement | null {
  switch (event.event) {
    case "transport_connected":
      return calm(t("news.transport_connected", { name: event.server }));
    case "tools_discovered":
      return calm(t("news.tools_discovered", { name: event.server, count: event.tool_count }));
    case "sign_in_started":
      return calm(
        event.prompt.kind === "browser"
          ? t("news.waiting_browser", { name: event.server })
          : t("news.enter_code", { name: event.server, code: event.prompt.user_code }),
      );
    case "sign_in_finished":
      return event.problem
        ? urgent(event.problem.message)
        : calm(t("news.authenticated", { name: event.server }));
    case "attention_needed":
      return urgent(event.problem.message);
    case "signed_out":
      return calm(t("news.signed_out", { name: event.server }));
    case "wanted":
    case "token_refreshed":
    case "config_changed":
      return null;
  }
}

const calm = (text: string): Announcement => ({ text, urgent: false });
const urgent = (text: string): Announcement => ({ text, urgent: true });
