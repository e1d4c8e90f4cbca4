// Hands the token of a login link over. It stands behind "#", which browsers never send by
// themselves, and leaves the address bar before anything else happens.

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
    ask(token ? await answer.text() : "Open the login link that this machine printed.");
  } catch {
    ask("The appliance does not answer. Is it running?");
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

function begin() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", "/login");
  logIn(token);
}

begin();
