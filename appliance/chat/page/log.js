// The messages on the page, in the order of their positions.

import { render } from "/page/rich.js";
import { size, t } from "/page/words.js";

const LONG_CHARACTERS = 6000;

export class Log {
  #list;
  #shown = new Map();
  #live = new Map();
  #does;

  /** `does` has what is called for what the user wants of a message: press, reply, edit. */
  constructor(list, does) {
    this.#list = list;
    this.#does = does;
  }

  get isEmpty() {
    return this.#shown.size === 0;
  }

  /** The latest of the user's own messages. */
  get lastOwn() {
    const own = [...this.#list.querySelectorAll("li.user")].at(-1);
    return own && this.#shown.get(own.id.replace(/^message-/, "")).message;
  }

  /** Add a message, or replace what it said before. `state` is for the user's own messages. */
  put(message, state) {
    const had = this.#shown.get(message.id)?.item;
    const hadFocus = had?.contains(document.activeElement) ?? false;
    // what is loaded from the past is not read out by screen readers, what comes in is
    this.#list.setAttribute("aria-live", message.history ? "off" : "polite");
    const item = this.#build(this.#now(message), state);
    if (had?.position === item.position) had.replaceWith(item);
    else {
      had?.remove();
      this.#insert(item);
    }
    this.#shown.set(message.id, { message, state, item });
    return { isNew: !had, hadFocus };
  }

  /** Say how far one of the user's messages has come; false: it is not here. */
  mark(id, state) {
    const shown = this.#shown.get(id);
    if (!shown) return false;
    shown.state = state;
    Object.assign(shown.item.querySelector(".state"), stateText(state));
    return true;
  }

  /** What a job does now, in its message's place; false: that message is not here (yet). */
  live({ post, text, spans, buttons }) {
    if (!post) return false;
    if (text) this.#live.set(post, { text, spans, buttons });
    else this.#live.delete(post);
    const shown = this.#shown.get(post);
    if (!shown) return false;
    this.#list.setAttribute("aria-live", "off"); // it changes every second
    const item = this.#build(this.#now(shown.message), shown.state);
    // a button must not go from under a finger
    if (buttonsOf(item) === buttonsOf(shown.item)) {
      shown.item.querySelector(".words").replaceWith(item.querySelector(".words"));
      shown.item.className = item.className;
    } else {
      shown.item.replaceWith(item);
      shown.item = item;
    }
    return true;
  }

  /** No job does anything that we know of. */
  forgetLive() {
    const posts = [...this.#live.keys()];
    this.#live.clear();
    for (const post of posts) this.live({ post, text: "" });
  }

  /** Say it all again: in another language. */
  redraw() {
    for (const shown of this.#shown.values()) {
      const item = this.#build(this.#now(shown.message), shown.state);
      shown.item.replaceWith(item);
      shown.item = item;
    }
  }

  #now(message) {
    const live = this.#live.get(message.id);
    return live ? { ...message, ...live, isLive: true } : message;
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
    item.className = message.isLive ? `${message.from} live` : message.from;
    item.position = message.position;
    const bubble = element("div", isQuestion(message) ? "bubble question" : "bubble");
    const words = element("div", "words");
    words.dir = "auto";
    words.append(render(message.text, message.spans));
    if (message.quote) bubble.append(this.#quote(message.quote));
    bubble.append(words, ...this.#extras(message, words));
    const sender = element("span", "sender", message.from === "user" ? t("You:") : t("Appliance:"));
    item.append(sender, bubble, this.#foot(message, state));
    return item;
  }

  /** What a message answers: pressed, it is shown, if it is here. */
  #quote({ id, text }) {
    const quote = element("button", "quote", text);
    quote.type = "button";
    quote.title = t("What this answers");
    quote.addEventListener("click", () => {
      const item = this.#shown.get(id)?.item;
      item?.scrollIntoView({ block: "center", behavior: "smooth" });
      item?.animate?.({ opacity: [0.3, 1] }, 900);
    });
    return quote;
  }

  #extras(message, words) {
    const extras = [];
    if (message.text.length > LONG_CHARACTERS && !isQuestion(message)) extras.push(unfolder(words));
    if (message.file) extras.push(download(`/file/${message.id}?change=${message.seq}`, message.file));
    for (const file of message.files ?? []) extras.push(download(`/sent/${file.id}`, file));
    for (const row of message.buttons ?? []) extras.push(this.#row(row, message));
    return extras;
  }

  #row(buttons, { id, text }) {
    const row = element("div", "buttons");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", text.slice(0, 200));
    for (const { label, token, kind } of buttons) {
      const button = element("button", kind, label);
      button.type = "button";
      button.addEventListener("click", () => this.#does.press(token, row, id));
      row.append(button);
    }
    const answer = element("p", "answer");
    answer.setAttribute("role", "status");
    row.append(answer);
    return row;
  }

  #foot(message, state) {
    const foot = element("p", "foot");
    if (message.at) foot.append(time(new Date(message.at)));
    if (message.edited) foot.append(element("span", "", t("edited")));
    if (message.sign) foot.append(element("span", "sign", message.sign));
    if (message.from === "user") {
      foot.append(Object.assign(element("span", "state"), stateText(state)));
      if (message.text) foot.append(wish("edit", t("Edit"), () => this.#does.edit(message)));
    }
    foot.append(wish("reply", t("Reply"), () => this.#does.reply(message)));
    return foot;
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
  const button = element("button", "unfold", t("Show all"));
  button.type = "button";
  button.addEventListener("click", () => {
    words.classList.remove("folded");
    button.remove();
  });
  return button;
}

function download(address, file) {
  const line = element("div", "file");
  const link = element("a", "", file.name);
  link.href = address;
  link.download = file.name;
  if (file.picture) line.append(picture(address, file.name));
  line.append(link);
  if (file.size) line.append(element("span", "size", size(file.size)));
  return line;
}

/** Pressed, it is shown as large as it is. What is not kept any more leaves its name. */
function picture(address, name) {
  const image = element("img", "");
  image.src = address;
  image.alt = name;
  const button = element("button", "look");
  button.type = "button";
  button.append(image);
  button.addEventListener("click", () => lookAt(image));
  image.addEventListener("error", () => button.remove());
  return button;
}

function lookAt(image) {
  const dialog = document.getElementById("look");
  dialog.replaceChildren(image.cloneNode());
  dialog.onclick = () => dialog.close();
  dialog.showModal();
}

function wish(kind, label, act) {
  const button = element("button", `wish ${kind}`, label);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

const buttonsOf = (item) => [...item.querySelectorAll(".buttons button")].map((b) => b.textContent).join("\n");

function time(date) {
  const shown = element("time", "", clockTime(date));
  shown.dateTime = date.toISOString();
  return shown;
}

function clockTime(date) {
  const language = document.documentElement.lang;
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (date.toDateString() === new Date().toDateString()) return clock;
  return `${date.toLocaleDateString(language, { day: "numeric", month: "short" })}, ${clock}`;
}

function stateText(state) {
  switch (state) {
    case "stored":
      return { textContent: "✓", title: t("stored"), ariaLabel: t("stored"), role: "img" };
    case "sending":
      return { textContent: t("Sending…"), title: "", ariaLabel: null, role: null };
    default:
      return { textContent: state, title: "", ariaLabel: null, role: null };
  }
}
