"""Draws text from standard input as a terminal, in SVG.

    python3 docs/terminal/terminal.py < docs/terminal/make-run.txt > docs/terminal/make-run.svg

make-run.txt is output of make run without the lines that say nothing new.
"""

import sys
from html import escape

WIDTH, LINE, CHARACTER = 104, 18, 7.83
colours = {"decision": "#ffcc66", "ALARM: ": "#f2777a", "→ ALARM": "#f2777a", "ready": "#99cc99"}
lines = []
for line in sys.stdin.read().rstrip("\n").split("\n"):
    lines.append(line if len(line) <= WIDTH else line[: WIDTH - 1] + "…")
width, height = round(WIDTH * CHARACTER + 40), len(lines) * LINE + 64
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">')
print("<title>Output of make run</title>")
print(f'<rect width="{width}" height="{height}" rx="8" fill="#1d1f21"/>')
for i, colour in enumerate(("#f2777a", "#ffcc66", "#99cc99")):
    print(f'<circle cx="{20 + 18 * i}" cy="20" r="5" fill="{colour}"/>')
print('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="13" xml:space="preserve">')
for i, line in enumerate(lines):
    colour = next((c for word, c in colours.items() if word in line), "#c5c8c6")
    print(f'<text x="20" y="{54 + LINE * i}" fill="{colour}">{escape(line)}</text>')
print("</g></svg>")
