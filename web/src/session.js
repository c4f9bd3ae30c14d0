// Who uses the dashboard: logging in and out, and what the session's token may do.
import { h, setText } from "./dom.js";

// To be set by who wants to know that somebody has logged in.
export const session = { name: "", mayChange: false, onLogin: () => {} };

const logout = document.getElementById("logout");

function adopt(told) {
  session.name = told.name;
  session.mayChange = told.may_change;
  document.body.classList.toggle("may-change", session.mayChange);
  logout.hidden = session.name === "";
  if (session.name) logout.setAttribute("aria-label", `Log out ${session.name}`);
}

// Learns who it is; asks for a token where one is needed. False when the session is not there yet.
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
    return { error: "Log in first." };
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
      setText(wrong, response.status === 401 ? "There is no such token." : await response.text());
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
