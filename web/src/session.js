// The session of the user: logging in and out, and the rights of the session's token.
import { h, setText } from "./dom.js";

// `onLogin` is called after a login; other modules may set it.
export const session = { name: "", mayChange: false, onLogin: () => {} };

const logout = document.getElementById("logout");

function adopt(told) {
  session.name = told.name;
  session.mayChange = told.may_change;
  document.body.classList.toggle("may-change", session.mayChange);
  logout.hidden = session.name === "";
  if (session.name) logout.setAttribute("aria-label", `Log out ${session.name}`);
}

// Loads the session, and asks for a token when one is needed. False while there is no session.
export async function loadSession() {
  const response = await fetch("/api/session").catch(() => null);
  if (response?.ok) adopt(await response.json());
  if (response?.status === 401) askForToken();
  return response?.ok === true;
}

export async function get(path) {
  const response = await fetch(path);
  if (response.status === 401) askForToken();
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

export async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (response.status === 401) {
    askForToken();
    return { error: "Log in to do this." };
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: text || `The gateway answered ${response.status}.` };
  }
}

export function askForToken() {
  if (document.getElementById("login")) return;
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const wrong = h("p", { class: "error", role: "alert" });
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const response = await fetch("/login", { method: "POST", body: token.value });
    if (!response.ok) {
      setText(wrong, response.status === 401 ? "The gateway does not know this token." : await response.text());
      return;
    }
    dialog.close();
    dialog.remove();
    if (await loadSession()) session.onLogin();
  } },
  h("h2", { id: "login-title" }, "Log in"), h("label", { for: "token" }, "Token"), token, wrong,
  h("button", { type: "submit", class: "primary" }, "Log in"));
  const dialog = h("dialog", { id: "login", "aria-labelledby": "login-title", oncancel: (event) => event.preventDefault() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

logout.addEventListener("click", async () => {
  await fetch("/logout", { method: "POST" });
  location.reload();
});
