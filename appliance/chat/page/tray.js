// The files that go with the next message. Each is uploaded as soon as it is chosen; the message
// then names it.

import { element } from "/page/log.js";
import { size, t } from "/page/words.js";

export class Tray {
  limits = { bytes: 0, count: 0 };
  #list;
  #files = new Map();
  #onChange;
  #onProblem;

  /** `onChange()` when files come, are there, or go; `onProblem(sentence)` when one cannot. */
  constructor(list, onChange, onProblem) {
    this.#list = list;
    this.#onChange = onChange;
    this.#onProblem = onProblem;
  }

  get isEmpty() {
    return this.#files.size === 0;
  }

  /** Some of the files are still on their way. */
  get isBusy() {
    return [...this.#files.values()].some((entry) => !entry.isThere);
  }

  /** Nothing but sound, which somebody has perhaps just spoken. */
  get isSound() {
    return !this.isEmpty && [...this.#files.values()].every(({ file }) => /^audio\//.test(file.type));
  }

  add(files) {
    this.#onProblem("");
    for (const file of files) {
      if (this.#isWelcome(file)) this.#upload(file);
    }
    this.#onChange();
  }

  /** The files as a message names them. */
  get names() {
    return [...this.#files].map(([id, { file }]) => ({ id, name: file.name.slice(0, 500) }));
  }

  clear() {
    this.#files.clear();
    this.#list.replaceChildren();
    this.#onChange();
  }

  #isWelcome(file) {
    const { bytes, count } = this.limits;
    if (this.#files.size >= count) {
      this.#onProblem(t("At most {count} files go with a message.", { count }));
      return false;
    }
    if (file.size > bytes) {
      this.#onProblem(tooLarge(file, bytes));
      return false;
    }
    return true;
  }

  async #upload(file) {
    const id = crypto.randomUUID();
    const stop = new AbortController();
    const entry = { file, stop, isThere: false, chip: this.#chip(id, file) };
    this.#files.set(id, entry);
    this.#list.append(entry.chip);
    const problem = await send(id, file, stop.signal, this.limits.bytes);
    if (!this.#files.has(id)) return; // taken back meanwhile
    if (problem) {
      this.#remove(id);
      this.#onProblem(problem);
    } else {
      entry.isThere = true;
      entry.chip.classList.remove("coming");
    }
    this.#onChange();
  }

  #chip(id, file) {
    const chip = element("li", "chip coming");
    const remove = element("button", "remove", "×");
    remove.type = "button";
    remove.setAttribute("aria-label", t("Remove {name}", { name: file.name }));
    remove.addEventListener("click", () => this.#remove(id));
    chip.append(element("span", "name", file.name), element("span", "size", size(file.size)), remove);
    return chip;
  }

  #remove(id) {
    const entry = this.#files.get(id);
    this.#files.delete(id);
    entry.stop.abort();
    entry.chip.remove();
    this.#onChange();
  }
}

/** "" when the file is there, else why it is not. */
async function send(id, file, signal, most) {
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    const answer = await fetch(`/upload/${id}`, { method: "POST", body: file, headers, signal });
    if (answer.ok) return "";
    if (answer.status === 413) return tooLarge(file, most);
    return t("{name} did not arrive: {reason}", { name: file.name, reason: (await answer.text()).trim() });
  } catch {
    return t("{name} did not arrive. Attach it again.", { name: file.name });
  }
}

function tooLarge(file, most) {
  const values = { name: file.name, size: size(file.size), most: size(most) };
  return t("{name} has {size}; {most} is the most that can be taken here.", values);
}
