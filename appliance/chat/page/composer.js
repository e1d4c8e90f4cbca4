// The box one writes in: a new message, an answer to one, or an earlier one in other words.

import { element } from "/page/log.js";
import { Tray } from "/page/tray.js";
import { t } from "/page/words.js";

const byId = (id) => document.getElementById(id);

export class Composer {
  #text = byId("text");
  #tray = new Tray(byId("tray"), () => this.tidy(), (sentence) => this.complain(sentence));
  #about = null;
  #isOpen = false;
  #menu = [];
  #onSay;
  #onEdit;
  #onLast;

  /**
   * `onSay({ text, reply_to, files })` and `onEdit(id, text)` return why it cannot be sent, or "";
   * `onLast()` returns the user's last message.
   */
  constructor(onSay, onEdit, onLast) {
    this.#onSay = onSay;
    this.#onEdit = onEdit;
    this.#onLast = onLast;
    this.#listen();
  }

  /** From now on something can be sent, within these limits. */
  open(limits) {
    this.#tray.limits = limits;
    this.#isOpen = true;
    this.tidy();
  }

  offer(menu) {
    this.#menu = menu;
  }

  focus() {
    this.#text.focus();
  }

  replyTo({ id, text }) {
    this.#turnTo({ kind: "reply", id }, t("Reply to: {text}", { text }));
  }

  edit({ id, text }) {
    this.#turnTo({ kind: "edit", id }, t("Your message, in other words:"));
    this.#text.value = text;
    this.fit();
  }

  complain(sentence) {
    byId("problem").textContent = sentence;
    byId("problem").hidden = !sentence;
  }

  /** The box is as high as its text, up to what CSS allows. */
  fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
    this.tidy();
  }

  tidy() {
    const isEmpty = !this.#text.value.trim() && this.#tray.isEmpty;
    byId("send").disabled = !this.#isOpen || isEmpty || this.#tray.isBusy;
    byId("attach").disabled = !this.#isOpen || this.#about?.kind === "edit";
    this.#showMenu();
  }

  // --- what is written about

  #turnTo(about, sentence) {
    if (this.#about?.kind === "edit") this.#text.value = "";
    this.#about = about;
    byId("about").hidden = !about;
    byId("about-what").textContent = sentence;
    this.fit();
    this.focus();
  }

  #turnBack() {
    this.#turnTo(null, "");
  }

  // --- the commands that begin as what is written

  #showMenu() {
    const written = this.#text.value;
    const fitting = /^\/[a-z_]*$/.test(written)
      ? this.#menu.filter(([word]) => `/${word}`.startsWith(written) && `/${word}` !== written)
      : [];
    byId("menu").hidden = fitting.length === 0;
    byId("menu").replaceChildren(...fitting.map((entry) => this.#choice(entry)));
  }

  #choice([word, summary]) {
    const item = document.createElement("li");
    const button = element("button", "choice");
    button.type = "button";
    button.append(element("code", "", `/${word}`), element("span", "", summary));
    button.addEventListener("click", () => {
      this.#text.value = `/${word} `;
      this.fit();
      this.focus();
    });
    item.append(button);
    return item;
  }

  // --- what the user does

  #listen() {
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!byId("send").disabled) this.#send();
    });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.fit());
    this.#text.addEventListener("paste", (event) => this.#add(event, event.clipboardData));
    byId("about-not").addEventListener("click", () => this.#turnBack());
    byId("attach").addEventListener("click", () => byId("picker").click());
    byId("picker").addEventListener("change", () => {
      this.#tray.add([...byId("picker").files]);
      byId("picker").value = "";
      this.focus();
    });
    document.addEventListener("dragover", (event) => this.#dragged(event, true));
    document.addEventListener("dragleave", (event) => event.relatedTarget ?? this.#dragged(event, false));
    document.addEventListener("drop", (event) => {
      this.#dragged(event, false);
      this.#add(event, event.dataTransfer);
    });
  }

  #key(event) {
    if (event.key === "Escape" && this.#about) return this.#turnBack();
    if (event.key === "ArrowUp" && !this.#text.value && !this.#about) {
      const last = this.#onLast();
      if (last) this.edit(last);
      return event.preventDefault();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return undefined;
    event.preventDefault();
    return byId("composer").requestSubmit();
  }

  #dragged(event, isOver) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // a file that misses the page must not replace it
    document.body.classList.toggle("dropping", isOver);
  }

  #add(event, carried) {
    if (carried.files.length === 0 || byId("attach").disabled) return;
    event.preventDefault();
    this.#tray.add([...carried.files]);
    this.focus();
  }

  #send() {
    const text = this.#text.value;
    if (!text.trim() && this.#tray.isSound) {
      return this.complain(t("Nobody listens to sound on this page. Write what to do, or say it on Telegram."));
    }
    const problem = this.#about?.kind === "edit" ? this.#onEdit(this.#about.id, text) : this.#say(text);
    this.complain(problem);
    if (problem) return undefined;
    this.#text.value = "";
    return this.#turnBack();
  }

  #say(text) {
    const reply = this.#about ? { reply_to: this.#about.id } : {};
    const problem = this.#onSay({ text, ...reply, files: this.#tray.names });
    if (!problem) this.#tray.clear();
    return problem;
  }
}
