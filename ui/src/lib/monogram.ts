// A small mark for each server, the same at every start, so that the eye finds it again.

/** How many tints the style sheet has (`data-tint`). */
export const TINTS = 8;

/** The first character as a reader sees it, which may be several code points. */
export function initial(name: string): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(name.trim());
  return first?.segment.toLocaleUpperCase() ?? "";
}

export function tint(name: string): number {
  // FNV-1a: names that differ in one letter should not look alike.
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return (hash >>> 16) % TINTS;
}
