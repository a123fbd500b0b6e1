#!/usr/bin/env bash
# Draws every icon from icons/source; needs rsvg-convert (librsvg2-bin), ImageMagick and Python 3.
set -euo pipefail
cd "$(dirname "$0")/../icons"

app() { rsvg-convert -w "$1" -h "$1" source/app.svg -o "$2"; }

# macOS inks a template glyph itself. Elsewhere nobody does: white, with a dark rim for light panels.
tray() {
  rsvg-convert -w 36 -h 36 "source/tray-$1.svg" -o "tray-$1-template.png"
  rsvg-convert -w 44 -h 44 "source/tray-$1.svg" -o "$work/glyph.png"
  convert "$work/glyph.png" -channel A -morphology Dilate Disk:1.5 +channel \
    -fill '#101014' -colorize 100 -channel A -evaluate multiply 0.55 +channel "$work/rim.png"
  convert "$work/glyph.png" -fill '#f6f6f8' -colorize 100 "$work/ink.png"
  convert "$work/rim.png" "$work/ink.png" -composite -define png:color-type=6 "tray-$1.png"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for state in calm working attention; do tray "$state"; done
for size in 16 32 64 128 256 512 1024; do app "$size" "$work/$size.png"; done
cp "$work/32.png" 32x32.png
cp "$work/128.png" 128x128.png
cp "$work/256.png" 128x128@2x.png
cp "$work/512.png" icon.png
convert "$work/16.png" "$work/32.png" "$work/64.png" "$work/256.png" icon.ico
python3 - "$work" <<'PYTHON'
import pathlib, struct, sys
KINDS = {b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic08": 256, b"ic13": 256, b"ic09": 512, b"ic14": 512, b"ic10": 1024}
images = [(kind, (pathlib.Path(sys.argv[1]) / f"{size}.png").read_bytes()) for kind, size in KINDS.items()]
body = b"".join(kind + struct.pack(">I", len(image) + 8) + image for kind, image in images)
pathlib.Path("icon.icns").write_bytes(b"icns" + struct.pack(">I", len(body) + 8) + body)
PYTHON
