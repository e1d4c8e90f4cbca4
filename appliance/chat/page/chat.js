// The page: what the user does goes to the link, what arrives goes to the log.

import { Link } from "/page/link.js";
import { Log, element } from "/page/log.js";

const byId = (id) => document.getElementById(id);
const text = byId("text");
const scroller = byId("scroller");
const progress = new Map();
const pressed = new Map();
const LAST = Number.MAX_SAFE_INTEGER;
let oldest = LAST;
let unread = 0;

const log = new Log(byId("log"), press);
const link = new Link(receive, showConnection);

// --- what arrives

function receive(frame) {
  switch (frame.type) {
    case "hello":
      return greet(frame);
    case "message":
      return showMessage(frame);
    case "unstored":
      return showUnstored(frame.frame);
    case "stored":
      return stored(frame.id);
    case "refused":
      return refused(frame.id, `Not sent: ${frame.reason}`);
    case "later":
      return delayed(frame.id, `Waiting: ${frame.reason}`);
    case "toast":
      return showToast(frame);
    case "progress":
      return showProgress(frame);
    case "notice":
      return showNotice(frame.text);
    case "earliest":
      oldest = 0;
      return tidy();
  }
}

function greet(frame) {
  byId("user").textContent = frame.user;
  byId("commands").replaceChildren(...frame.commands.map(suggestion));
  for (const line of progress.values()) line.remove(); // those still running follow
  progress.clear();
  showNotice(frame.notice);
  tidy();
}

function showMessage(message) {
  const wasAtEnd = isAtEnd();
  const height = scroller.scrollHeight;
  const { hadFocus } = log.put(message, link.isUnstored(ownId(message.id)) ? "sending" : "stored");
  if (hadFocus) text.focus();
  if (message.history) {
    if (oldest !== LAST && message.position < oldest && !wasAtEnd)
      scroller.scrollTop += scroller.scrollHeight - height;
    oldest = Math.min(oldest, message.position);
  } else if (document.hidden) {
    unread += 1;
  }
  tidy();
  follow(wasAtEnd, !message.history);
}

function showUnstored(frame) {
  if (frame.type === "say") show(frame);
}

/** One of the user's messages before the appliance has confirmed it. */
function show(frame) {
  const id = `said-${frame.id}`;
  if (byId(`message-${id}`)) return;
  log.put({ id, from: "user", text: frame.text, position: LAST }, "sending");
  tidy();
  scrollToEnd();
}

function stored(id) {
  log.mark(`said-${id}`, "stored");
  answer(id, "");
  pressed.get(id)?.removeAttribute("aria-disabled");
}

function refused(id, sentence) {
  delayed(id, sentence);
  pressed.get(id)?.removeAttribute("aria-disabled");
}

/** It is offered again by itself, so the buttons stay as they are. */
function delayed(id, sentence) {
  log.mark(`said-${id}`, sentence);
  answer(id, sentence);
}

function showToast({ click, text: sentence }) {
  answer(click, sentence);
  pressed.delete(click);
}

/** Below the buttons that were pressed, as long as they are there. */
function answer(id, sentence) {
  const label = pressed.get(id)?.querySelector(".answer");
  if (label) label.textContent = sentence;
}

function showProgress(frame) {
  const wasAtEnd = isAtEnd();
  const line = progress.get(frame.job) ?? element("li", "");
  if (frame.text) {
    line.textContent = frame.text;
    byId("progress").append(line);
    progress.set(frame.job, line);
  } else {
    line.remove();
    progress.delete(frame.job);
  }
  follow(wasAtEnd, false);
}

function showNotice(sentence) {
  byId("notice").textContent = sentence;
  byId("notice").hidden = !sentence;
}

function showConnection(state) {
  const words = { connecting: "Connecting…", online: "Connected", offline: "Reconnecting…" };
  const label = byId("connection");
  label.dataset.state = state;
  label.textContent = words[state];
  tidy();
}

const ownId = (id) => id.replace(/^said-/, "");

// --- what the user does

function say(words) {
  const frame = { type: "say", id: crypto.randomUUID(), text: words };
  const problem = link.offer(frame);
  byId("problem").textContent = problem;
  byId("problem").hidden = !problem;
  if (!problem) show(frame);
  return !problem;
}

function press(token, row) {
  if (row.hasAttribute("aria-disabled")) return;
  const frame = { type: "click", id: crypto.randomUUID(), token };
  row.setAttribute("aria-disabled", "true");
  row.querySelector(".answer").textContent = "";
  pressed.set(frame.id, row);
  link.offer(frame);
}

function suggestion(command) {
  const button = element("button", "suggestion", command);
  button.type = "button";
  button.addEventListener("click", () => {
    say(command);
    text.focus();
  });
  return button;
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("send").disabled || !say(text.value)) return;
  text.value = "";
  fit();
  text.focus();
});

text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("composer").requestSubmit();
});

text.addEventListener("input", fit);
scroller.addEventListener("scroll", () => isAtEnd() && (byId("newest").hidden = true));
byId("newest").addEventListener("click", () => {
  scrollToEnd();
  text.focus();
});
byId("earlier").addEventListener("click", () => link.ask({ type: "earlier", before: oldest }));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unread = 0;
  tidy();
});

// --- how it looks

/** The box is as high as its text, up to what CSS allows. */
function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
  tidy();
}

function tidy() {
  const isKnown = byId("user").textContent !== "";
  byId("welcome").hidden = !(isKnown && log.isEmpty);
  byId("earlier").hidden = log.isEmpty || oldest === 0 || oldest === LAST;
  byId("send").disabled = !isKnown || !text.value.trim();
  document.title = unread ? `(${unread}) Dispatch` : "Dispatch";
}

function isAtEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
}

function follow(wasAtEnd, isNews) {
  if (wasAtEnd) scrollToEnd();
  else if (isNews) byId("newest").hidden = false;
}

function scrollToEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  byId("newest").hidden = true;
}

new ResizeObserver(() => byId("newest").hidden && scrollToEnd()).observe(scroller);
if (matchMedia("(hover: hover)").matches) text.focus();
link.connect();
