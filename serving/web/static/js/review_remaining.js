/** What the bar says of the work: how many candidates are left, whether all acts are saved. */

import { request } from "./api.js";
import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { screen } from "./review_screen.js";

const remaining = document.getElementById("remaining");
const saveState = document.getElementById("save-state");

/** Count at once; the server's figure follows. */
export function changeRemaining(difference) {
  remaining.textContent = String(Math.max(0, Number(remaining.textContent) + difference));
}

/** Show the server's figure, once nothing is on its way any more. */
export async function readRemaining() {
  if (outbox.open.length > 0) return;
  const filter = new URLSearchParams(screen.filter);
  filter.delete("state");
  const counts = await request("GET", `/candidates/counts?${filter}`);
  remaining.textContent = String(counts[screen.wantedState] ?? 0);
}

function paintSaveState() {
  const open = outbox.open.length;
  saveState.dataset.state = open === 0 ? "saved" : outbox.lastError ? "stuck" : "saving";
  saveState.textContent = open === 0
    ? _("All decisions saved")
    : _("Saving {count}…", { count: open });
}

if (outbox) {
  outbox.addEventListener("change", paintSaveState);
  outbox.addEventListener("saved", () => readRemaining().catch(() => {}));
  outbox.addEventListener("undone", () => readRemaining().catch(() => {}));
  paintSaveState();
}
