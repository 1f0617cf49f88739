#!/usr/bin/env python3
"""Is report.html sound? Usage: check_html.py FILE... Exit 1 with a line for each fault.

Structure: every tag closed in order, one h1, no heading level skipped, ids once, links that lead somewhere. For everyone: language,
viewport, a text for every picture, a scope for every table header, a caption for every table. Alone: no address, no script, under 5 MB.
"""
import html.parser
import pathlib
import re
import sys

VOID = {"meta", "img", "br", "hr", "link", "input"}
MAX_BYTES = 5_000_000


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.faults, self.open, self.ids, self.links = [], [], set(), []
        self.headings, self.tables, self.captions = [], 0, 0
        self.lang = self.viewport = False
        self.words = []

    def fault(self, text):
        self.faults.append(f"line {self.getpos()[0]}: {text}")

    def handle_startendtag(self, tag, attrs):
        self.look_at(tag, dict(attrs))

    def handle_starttag(self, tag, attrs):
        self.look_at(tag, dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.fault(f"</{tag}> closes {self.open[-1] if self.open else 'nothing'}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def look_at(self, tag, attrs):
        if tag == "html":
            self.lang = bool(attrs.get("lang"))
        if tag == "meta" and attrs.get("name") == "viewport":
            self.viewport = True
        if tag in ("script", "iframe", "object", "link"):
            self.fault(f"<{tag}> has no place in a page that stands alone")
        if "id" in attrs:
            if attrs["id"] in self.ids:
                self.fault(f"id '{attrs['id']}' is there twice")
            self.ids.add(attrs["id"])
        if re.fullmatch("h[1-6]", tag):
            level = int(tag[1])
            if self.headings and level > self.headings[-1] + 1:
                self.fault(f"h{level} follows h{self.headings[-1]}")
            self.headings.append(level)
        if tag == "img" and not attrs.get("alt", "").strip():
            self.fault("a picture without alternative text")
        if tag == "svg" and not (attrs.get("role") == "img" and attrs.get("aria-label", "").strip()):
            self.fault("a drawing without role and label")
        if tag == "th" and attrs.get("scope") not in ("row", "col"):
            self.fault("a table header without scope")
        self.tables += tag == "table"
        self.captions += tag == "caption"
        for name in ("href", "src", "xlink:href"):
            value = attrs.get(name)
            if value is None:
                continue
            if value.startswith("#"):
                self.links.append(value[1:])
            elif not value.startswith("data:image/png;base64,"):
                self.fault(f"{name} leads outside the page: {value[:60]}")

    def finish(self):
        if self.open:
            self.fault(f"never closed: {self.open}")
        if self.headings.count(1) != 1:
            self.fault(f"{self.headings.count(1)} h1, expected 1")
        if self.tables != self.captions:
            self.fault(f"{self.tables} tables, {self.captions} captions")
        for target in self.links:
            if target not in self.ids:
                self.fault(f"#{target} leads nowhere")
        if not self.lang:
            self.fault("html has no lang")
        if not self.viewport:
            self.fault("no viewport: unreadable on a phone")
        return self.faults


def check(path):
    data = path.read_bytes()
    text = data.decode("utf-8")
    checker = Checker()
    checker.feed(text)
    checker.close()
    faults = checker.finish()
    if len(data) > MAX_BYTES:
        faults.append(f"{len(data)} bytes, expected at most {MAX_BYTES}")
    for address in re.findall(r"https?://[^\s\"'<]*|@import|url\(", text):
        faults.append(f"an address: {address}")
    for query in ("prefers-color-scheme:dark", "@media print"):
        if query not in text:
            faults.append(f"no style for {query}")
    return [f"{path}: {fault}" for fault in faults]


def main():
    faults = [fault for name in sys.argv[1:] for fault in check(pathlib.Path(name))]
    print("\n".join(faults) if faults else f"{len(sys.argv) - 1} pages are sound")
    sys.exit(1 if faults or len(sys.argv) < 2 else 0)


if __name__ == "__main__":
    main()
