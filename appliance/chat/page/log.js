// The messages on the page, in the order of their positions.

import { render } from "/page/rich.js";

const LONG_CHARACTERS = 6000;

export class Log {
  #list;
  #items = new Map();
  #onClick;

  /** `onClick(token, row)` is called for a pressed button. */
  constructor(list, onClick) {
    this.#list = list;
    this.#onClick = onClick;
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  /** Add a message, or replace what it said before. `state` is for the user's own messages. */
  put(message, state) {
    const had = this.#items.get(message.id);
    const item = this.#build(message, state);
    const hadFocus = had?.contains(document.activeElement) ?? false;
    // what is loaded from the past is not read out by screen readers, what comes in is
    this.#list.setAttribute("aria-live", message.history ? "off" : "polite");
    if (had?.position === item.position) had.replaceWith(item);
    else {
      had?.remove();
      this.#insert(item);
    }
    this.#items.set(message.id, item);
    return { item, hadFocus };
  }

  /** Say how far one of the user's messages has come. */
  mark(id, state) {
    const label = this.#items.get(id)?.querySelector(".state");
    if (label) Object.assign(label, stateText(state));
  }

  #insert(item) {
    let before = this.#list.lastElementChild;
    while (before && before.position > item.position) before = before.previousElementSibling;
    if (before) before.after(item);
    else this.#list.prepend(item);
  }

  #build(message, state) {
    const item = document.createElement("li");
    item.id = `message-${message.id}`;
    item.className = message.from;
    item.position = message.position;
    const bubble = element("div", isQuestion(message) ? "bubble question" : "bubble");
    const words = element("div", "words");
    words.dir = "auto";
    words.append(render(message.text, message.spans));
    bubble.append(words, ...this.#extras(message, words));
    item.append(element("span", "sender", message.from === "user" ? "You:" : "Appliance:"), bubble);
    item.append(footer(message, state));
    return item;
  }

  #extras(message, words) {
    const extras = [];
    if (message.text.length > LONG_CHARACTERS && !isQuestion(message)) extras.push(unfolder(words));
    if (message.file) extras.push(download(message));
    for (const row of message.buttons ?? []) extras.push(this.#row(row, message.text));
    return extras;
  }

  #row(buttons, text) {
    const row = element("div", "buttons");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", text.slice(0, 200));
    for (const { label, token, kind } of buttons) {
      const button = element("button", kind, label);
      button.type = "button";
      button.addEventListener("click", () => this.#onClick(token, row));
      row.append(button);
    }
    const answer = element("p", "answer");
    answer.setAttribute("role", "status");
    row.append(answer);
    return row;
  }
}

/** Something to approve: its command is shown whole, not scrolled. */
function isQuestion(message) {
  return (message.buttons ?? []).flat().some(({ kind }) => kind === "approve");
}

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function unfolder(words) {
  words.classList.add("folded");
  const button = element("button", "unfold", "Show all");
  button.type = "button";
  button.addEventListener("click", () => {
    words.classList.remove("folded");
    button.remove();
  });
  return button;
}

function download(message) {
  const link = element("a", "file");
  link.href = `/file/${encodeURIComponent(message.id)}`;
  link.download = message.file.name;
  if (message.file.picture) link.append(picture(link.href, message.file.name));
  link.append(element("span", "name", message.file.name));
  link.append(element("span", "size", size(message.file.size)));
  return link;
}

function picture(address, name) {
  const image = element("img", "");
  image.src = address;
  image.alt = name;
  image.loading = "lazy";
  return image;
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function footer(message, state) {
  const foot = element("p", "foot");
  if (message.at) {
    const time = element("time", "", clockTime(new Date(message.at)));
    time.dateTime = new Date(message.at).toISOString();
    foot.append(time);
  }
  if (message.sign) foot.append(element("span", "sign", message.sign));
  if (message.from === "user") foot.append(Object.assign(element("span", "state"), stateText(state)));
  return foot;
}

function clockTime(date) {
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

function stateText(state) {
  switch (state) {
    case "stored":
      return { textContent: "✓", title: "stored", ariaLabel: "stored", role: "img" };
    case "sending":
      return { textContent: "Sending…", title: "", ariaLabel: null, role: null };
    default:
      return { textContent: state, title: "", ariaLabel: null, role: null };
  }
}
