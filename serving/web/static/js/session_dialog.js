/** Signing in again over the page when the session has ended: nothing on the page is lost. */

import { request } from "./api.js";
import { _ } from "./i18n.js";

const dialog = document.getElementById("session-dialog");
const problem = document.getElementById("session-problem");
const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("hazardlens-session") : null;

function open(error) {
  if (dialog.open) return;
  const isOther = error?.code === "other_person_signed_in";
  document.getElementById("session-other").hidden = !isOther;
  problem.textContent = "";
  dialog.showModal();
  dialog.querySelector("input[type=password]").focus();
}

/** The same person is back: whoever waits for it goes on. */
function close() {
  if (!dialog.open) return;
  dialog.querySelector("form").reset();
  dialog.close();
  document.dispatchEvent(new CustomEvent("signed-in"));
}

async function signIn(form) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    await request("POST", "/auth/session", {
      body: { username: form.elements.username.value, password: form.elements.password.value },
    });
    channel?.postMessage("signed-in");
    close();
  } catch (error) {
    problem.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
    form.elements.password.select();
  } finally {
    button.disabled = false;
  }
}

/** Another tab may have signed in meanwhile: ask who it is now. */
async function look() {
  if (!dialog.open) return;
  const me = await request("GET", "/me").catch(() => null);
  if (String(me?.id) === document.body.dataset.userId) close();
}

/** Open the dialog whenever the server says that nobody, or somebody else, is signed in. */
export function watchSession() {
  if (!dialog) return;
  document.addEventListener("signed-out", (event) => open(event.detail));
  document.getElementById("outbox-sign-in").addEventListener("click", () => open(null));
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn(event.target);
  });
  document.getElementById("session-later").addEventListener("click", () => dialog.close());
  addEventListener("focus", look);
  channel?.addEventListener("message", look);
}
