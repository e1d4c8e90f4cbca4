// What tells somebody who is looking elsewhere: the window's title, and notifications if they want.

import { t } from "/page/words.js";

const TITLE = "Dispatch";
const SHOWN_CHARACTERS = 160;

export class News {
  #unread = 0;
  #isAsked = false;
  #button;

  /** `button` asks for notifications; it is hidden where there is nothing to ask. */
  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => this.#ask());
    document.addEventListener("visibilitychange", () => this.#look());
    this.#tidy();
  }

  /** A message that has just come. */
  note(message) {
    if (!document.hidden || !message.rings) return;
    this.#unread += 1;
    this.#isAsked ||= message.urgent && message.buttons.length > 0;
    if (message.urgent) notify(message.text, message.id);
    this.#tidy();
  }

  #look() {
    if (document.hidden) return;
    this.#unread = 0;
    this.#isAsked = false;
    this.#tidy();
  }

  async #ask() {
    const answer = await Notification.requestPermission();
    if (answer === "granted") notify(t("From now on you are told here."), "begin");
    this.#tidy();
  }

  #tidy() {
    this.#button.hidden = !("Notification" in window) || Notification.permission !== "default";
    const count = this.#unread ? `(${this.#unread}) ` : "";
    document.title = `${this.#isAsked ? "❗ " : ""}${count}${TITLE}`;
  }
}

/** One notification for each message, however many pages are open. */
function notify(text, tag) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(TITLE, { body: text.slice(0, SHOWN_CHARACTERS), tag, icon: "/page/icon.svg" });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  } catch {
    // some phones show notifications of installed pages only
  }
}
