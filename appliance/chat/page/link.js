// The connection to the appliance. What is handed to `offer` is kept (in localStorage) until the
// appliance says that it is stored, and offered again under the same id after every reconnect.

import { t } from "/page/words.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;
const STORAGE_RETRY_MS = 1000;

export class Link {
  #socket = null;
  #timer = null;
  #failures = 0;
  #user = null;
  #seen = null;
  #limit = 0;
  #unstored = new Map();
  #onFrame;
  #onState;

  /** `onFrame(frame)` gets what arrives, `onState(name)` is "connecting", "online" or "offline". */
  constructor(onFrame, onState) {
    this.#onFrame = onFrame;
    this.#onState = onState;
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  connect() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const query = this.#seen === null ? "" : `?after=${this.#seen}`;
    const socket = new WebSocket(`ws://${location.host}/socket${query}`);
    let hasOpened = false;
    socket.addEventListener("open", () => {
      hasOpened = true;
    });
    socket.addEventListener("message", (event) => this.#receive(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.#closed(hasOpened));
    this.#socket = socket;
  }

  /** Send, now or as soon as possible. Returns a sentence when it is too large, else "". */
  offer(frame) {
    const size = new TextEncoder().encode(JSON.stringify(frame)).length;
    if (size > this.#limit) {
      const most = Math.floor(this.#limit / 1000);
      return t("This has {size} kB; a message may have {most}. Attach the long part as a file.", {
        size: Math.ceil(size / 1000),
        most,
      });
    }
    this.#unstored.set(frame.id, frame);
    this.#remember();
    this.#send(frame);
    return "";
  }

  /** Send if there is a connection, else forget it. */
  ask(frame) {
    this.#send(frame);
  }

  isUnstored(id) {
    return this.#unstored.has(id);
  }

  #receive(frame) {
    switch (frame.type) {
      case "hello":
        this.#greeted(frame);
        break;
      case "message":
        this.#seen = Math.max(this.#seen ?? 0, frame.seq);
        break;
      case "stored":
      case "refused":
        this.#unstored.delete(frame.id);
        this.#remember();
        break;
      case "later":
        setTimeout(() => this.#sendAgain(frame.id), STORAGE_RETRY_MS);
        break;
    }
    this.#onFrame(frame);
  }

  #greeted(frame) {
    this.#failures = 0;
    this.#limit = frame.limit;
    if (this.#user === null) {
      this.#user = frame.user;
      this.#recall();
    }
    this.#onState("online");
    for (const waiting of this.#unstored.values()) {
      this.#onFrame({ type: "unstored", frame: waiting });
      this.#send(waiting);
    }
  }

  #sendAgain(id) {
    const frame = this.#unstored.get(id);
    if (frame) this.#send(frame);
  }

  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  async #closed(hasOpened) {
    this.#onState("offline");
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.connect(), pause);
    // a refused WebSocket looks like a dead one: ask whether the session is over
    if (!hasOpened && (await isLoggedOut())) location.replace("/login");
  }

  #hurry() {
    if (this.#timer !== null) this.connect();
  }

  #key() {
    return `dispatch.unstored.${this.#user}`;
  }

  #remember() {
    try {
      localStorage.setItem(this.#key(), JSON.stringify([...this.#unstored.values()]));
    } catch {
      // storage is full or forbidden: kept until this page is closed
    }
  }

  #recall() {
    try {
      const frames = JSON.parse(localStorage.getItem(this.#key()) ?? "[]");
      for (const frame of frames) this.#unstored.set(frame.id, frame);
    } catch {
      // nothing readable was kept
    }
  }
}

async function isLoggedOut() {
  try {
    return (await fetch("/login", { method: "POST" })).status === 403;
  } catch {
    return false;
  }
}
