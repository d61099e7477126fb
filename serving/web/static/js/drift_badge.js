/** How many alarms of drift nobody has read yet, on the tab. */

import { ApiError, request } from "./api.js";
import { _ } from "./i18n.js";

const tab = document.querySelector('.tabs a[href="/drift"]');

// On a phone the tabs are wider than the screen.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

try {
  const { open_alarms: count } = await request("GET", "/drift/alarms");
  if (tab && count) {
    const badge = document.createElement("span");
    badge.className = "drift-badge";
    badge.textContent = count;
    badge.title = _("Alarms that nobody has read");
    tab.append(badge);
  }
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
}
