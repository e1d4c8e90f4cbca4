// The page: what the user does goes to the link, what arrives goes to the log.

import { Composer } from "/page/composer.js";
import { Link } from "/page/link.js";
import { Log, element } from "/page/log.js";
import { News } from "/page/news.js";
import { speak, t } from "/page/words.js";

const byId = (id) => document.getElementById(id);
const scroller = byId("scroller");
const progress = new Map();
const pressed = new Map();
const LAST = Number.MAX_SAFE_INTEGER;
const TOAST_MS = 4500;
let oldest = LAST;
let toastTimer = null;

const composer = new Composer(say, edit, () => log.lastOwn);
const log = new Log(byId("log"), {
  press,
  reply: (message) => composer.replyTo(message),
  edit: (message) => composer.edit(message),
});
const link = new Link(receive, showConnection);
const news = new News(byId("notify"));

// --- what arrives

function receive(frame) {
  switch (frame.type) {
    case "words":
      return showWords(frame);
    case "hello":
      return greet(frame);
    case "message":
      return showMessage(frame);
    case "unstored":
      return showUnstored(frame.frame);
    case "stored":
      return stored(frame.id);
    case "refused":
      return refused(frame.id, t("Not sent: {reason}", { reason: t(frame.reason) }));
    case "later":
      return delayed(frame.id, t("Waiting: {reason}", { reason: frame.reason }));
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

function showWords({ language, said, menu }) {
  speak(language, said);
  composer.offer(menu);
  log.redraw();
  showConnection("online");
}

function greet(frame) {
  byId("user").textContent = frame.user;
  byId("commands").replaceChildren(...frame.commands.map(suggestion));
  for (const job of [...progress.keys()]) forgetProgress(job); // those still running follow
  log.forgetLive();
  showNotice(frame.notice);
  composer.open(frame.files);
  tidy();
}

function showMessage(message) {
  const wasAtEnd = isAtEnd();
  const height = scroller.scrollHeight;
  const isUnstored = link.isUnstored(message.id.replace(/^said-/, ""));
  const { isNew, hadFocus } = log.put(message, isUnstored ? "sending" : "stored");
  if (hadFocus) composer.focus();
  for (const [job, { post }] of [...progress]) if (post === message.id) forgetProgress(job);
  if (message.history) {
    if (oldest !== LAST && message.position < oldest && !wasAtEnd)
      scroller.scrollTop += scroller.scrollHeight - height;
    oldest = Math.min(oldest, message.position);
  } else if (isNew) {
    news.note(message);
  }
  tidy();
  follow(wasAtEnd, isNew && !message.history);
}

function showUnstored(frame) {
  if (frame.type === "say") show(frame);
}

/** One of the user's messages before the appliance has confirmed it. */
function show(frame) {
  const id = `said-${frame.id}`;
  if (byId(`message-${id}`)) return;
  const files = frame.files?.map((file) => ({ ...file, size: 0 }));
  log.put({ id, from: "user", text: frame.text, files, position: LAST }, "sending");
  tidy();
  scrollToEnd();
}

function stored(id) {
  log.mark(`said-${id}`, "stored");
  answer(id, "");
  pressed.get(id)?.removeAttribute("aria-disabled");
}

function refused(id, sentence) {
  if (!delayed(id, sentence)) composer.complain(sentence);
  pressed.get(id)?.removeAttribute("aria-disabled");
}

/** It is offered again by itself, so the buttons stay as they are. */
function delayed(id, sentence) {
  answer(id, sentence);
  return log.mark(`said-${id}`, sentence);
}

/** On the page where the button was pressed; what it was below may be another message by now. */
function showToast({ click, text }) {
  if (!pressed.delete(click)) return;
  byId("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId("toast").replaceChildren(), TOAST_MS);
}

/** Below the buttons that were pressed, as long as they are there. */
function answer(id, sentence) {
  const label = pressed.get(id)?.querySelector(".answer");
  if (label) label.textContent = sentence;
}

/** In the job's own message; below all others when that is not to be seen here. */
function showProgress(frame) {
  const wasAtEnd = isAtEnd();
  forgetProgress(frame.job);
  if (!log.live(frame) && frame.text) {
    const line = element("li", "", frame.text);
    byId("progress").append(line);
    progress.set(frame.job, { line, post: frame.post });
  }
  follow(wasAtEnd, false);
}

function forgetProgress(job) {
  progress.get(job)?.line.remove();
  progress.delete(job);
}

function showNotice(sentence) {
  byId("notice").textContent = sentence;
  byId("notice").hidden = !sentence;
}

function showConnection(state) {
  const words = { connecting: t("Connecting…"), online: t("Connected"), offline: t("Reconnecting…") };
  const label = byId("connection");
  label.dataset.state = state;
  label.textContent = words[state];
  tidy();
}

// --- what the user does

function say(content) {
  const { files, ...words } = content;
  const frame = { type: "say", id: crypto.randomUUID(), ...words, ...(files.length ? { files } : {}) };
  const problem = link.offer(frame);
  if (!problem) show(frame);
  return problem;
}

function edit(message, text) {
  return link.offer({ type: "edit", id: crypto.randomUUID(), message, text });
}

function press(token, row, message) {
  if (row.hasAttribute("aria-disabled")) return;
  const frame = { type: "click", id: crypto.randomUUID(), token, message };
  row.setAttribute("aria-disabled", "true");
  row.querySelector(".answer").textContent = "";
  pressed.set(frame.id, row);
  link.offer(frame);
}

function suggestion(command) {
  const button = element("button", "suggestion", command);
  button.type = "button";
  button.addEventListener("click", () => {
    say({ text: command, files: [] });
    composer.focus();
  });
  return button;
}

scroller.addEventListener("scroll", () => isAtEnd() && (byId("newest").hidden = true));
byId("newest").addEventListener("click", () => {
  scrollToEnd();
  composer.focus();
});
byId("earlier").addEventListener("click", () => link.ask({ type: "earlier", before: oldest }));

// --- how it looks

function tidy() {
  const isKnown = byId("user").textContent !== "";
  byId("welcome").hidden = !(isKnown && log.isEmpty);
  byId("earlier").hidden = log.isEmpty || oldest === 0 || oldest === LAST;
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
// a picture has its height only when it has come
scroller.addEventListener("load", () => byId("newest").hidden && scrollToEnd(), true);
if (matchMedia("(hover: hover)").matches) composer.focus();
link.connect();
