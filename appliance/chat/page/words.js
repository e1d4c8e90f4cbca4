// What the page says by itself, in the language that is spoken here. The code has it in English;
// the appliance sends the other language, from the catalogue that its messages come from.

let said = {};

/** Speak this language from now on, in what `data-say` names of the page, too. */
export function speak(language, sentences) {
  said = sentences;
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-say]")) {
    for (const what of node.dataset.say.split(" ")) say(node, what);
  }
}

function say(node, what) {
  const kept = `english:${what}`;
  if (what === "text") {
    node[kept] ??= node.textContent.replace(/\s+/g, " ").trim();
    node.textContent = t(node[kept]);
  } else {
    node[kept] ??= node.getAttribute(what);
    node.setAttribute(what, t(node[kept]));
  }
}

/** A sentence of ours with its {gaps} filled. */
export function t(key, values = {}) {
  return (said[key] ?? key).replace(/\{([a-z_]+)\}/g, (gap, name) => values[name] ?? gap);
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
