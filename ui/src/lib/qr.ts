// A QR code as one SVG path, so that no canvas and no inline style is needed.

import { generate } from "lean-qr";

export type QrPath = { size: number; path: string };

/** Null when the text is too long for a code that a phone can read. */
export function qrPath(text: string): QrPath | null {
  if (text.length > 600) return null;
  const code = generate(text);
  let path = "";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (code.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
    }
  }
  return { size: code.size, path };
}
