// A small mark for each server, the same at every start, so that the eye finds it again.

/** How many tints the style sheet has (`data-tint`). */
export const TINTS = 8;

/** The first character as a reader sees it, which may be several code points. */
export function initial(name: string): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(name.trim());
  return first?.segment.toLocaleUpperCase() ?? "";
}

export function tint(name: string): number {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % TINTS;
}
