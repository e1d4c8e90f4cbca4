// Text with spans to DOM nodes. Text only ever becomes text nodes: nothing in it is markup.

const BLOCKS = new Set(["pre", "blockquote"]);
const TAGS = {
  bold: "strong",
  italic: "em",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

// Characters that reorder what follows: a command must read as what it is (CVE-2021-42574).
const REORDERING = /[\u202a-\u202e\u2066-\u2069]/g;

/** Nodes for `text` with spans of [style, start, length, value], counted in code points. */
export function render(text, spans) {
  const fragment = document.createDocumentFragment();
  const points = Array.from(text);
  const ranges = (spans ?? []).map(([style, start, length, value]) => ({
    style,
    value,
    start,
    end: Math.min(start + length, points.length),
  }));
  fill(fragment, points, 0, points.length, ranges);
  return fragment;
}

function fill(parent, points, start, end, ranges) {
  const queue = ranges.filter((range) => range.start < range.end).sort(outermostFirst);
  let at = start;
  while (queue.length) {
    const range = queue.shift();
    addText(parent, points, at, range.start, BLOCKS.has(range.style));
    const element = elementFor(range);
    fill(element, points, range.start, range.end, takeWithin(range, queue));
    parent.append(element);
    at = range.end;
  }
  addText(parent, points, at, end, false);
}

function outermostFirst(a, b) {
  return a.start - b.start || b.end - a.end || BLOCKS.has(b.style) - BLOCKS.has(a.style);
}

/** The ranges that begin inside `range`; what of them lies behind it goes back into the queue. */
function takeWithin(range, queue) {
  const within = [];
  const behind = [];
  while (queue.length && queue[0].start < range.end) {
    const other = queue.shift();
    within.push({ ...other, end: Math.min(other.end, range.end) });
    if (other.end > range.end) behind.push({ ...other, start: range.end });
  }
  queue.unshift(...behind);
  return within;
}

function elementFor({ style, value }) {
  if (style === "text_link") return linkTo(value);
  const element = document.createElement(TAGS[style] ?? "span");
  if (style === "pre" && value) element.dataset.language = value;
  return element;
}

function linkTo(address) {
  if (!/^https?:\/\//i.test(address)) return document.createElement("span");
  const link = document.createElement("a");
  link.href = address;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  return link;
}

/** A block makes its own line breaks: those of the text around it would show as empty lines. */
function addText(parent, points, start, end, isBeforeBlock) {
  let text = points.slice(start, end).join("");
  if (BLOCKS.has(parent.lastChild?.localName)) text = text.replace(/^\n+/, "");
  if (isBeforeBlock) text = text.replace(/\n+$/, "");
  if (text) parent.append(visible(text));
}

function visible(text) {
  return text.replace(REORDERING, (mark) => `\\u${mark.codePointAt(0).toString(16)}`);
}
