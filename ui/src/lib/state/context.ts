import { createContext } from "svelte";

import type { Panel } from "./panel.svelte";

/** The one panel, for every component below `App`. */
export const [usePanel, providePanel] = createContext<Panel>();
