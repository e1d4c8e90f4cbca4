// Hands the token of a login link over. It stands behind "#", which browsers never send by
// themselves, and leaves the address bar before anything else happens.

import { speak, t } from "/page/words.js";

const form = document.getElementById("login");
const state = document.getElementById("state");
const link = document.getElementById("link");

async function logIn(token) {
  try {
    const answer = await fetch("/login", { method: "POST", body: token });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    ask(t(token ? (await answer.text()).trim() : "Open the login link that this machine printed."));
  } catch {
    ask(t("The appliance does not answer. Is it running?"));
  }
}

function ask(sentence) {
  state.textContent = sentence;
  form.hidden = false;
  link.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  logIn(link.value.trim().split("#").pop());
});

// a second link pasted into the same tab changes only the part behind "#"
window.addEventListener("hashchange", begin);

async function begin() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", "/login");
  await learnWords();
  logIn(token);
}

async function learnWords() {
  try {
    const { language, said } = await (await fetch("/words")).json();
    speak(language, said);
  } catch {
    // it stays in English
  }
}

begin();
