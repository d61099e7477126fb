/** Ask that somebody else looks too, and why. */

import { _ } from "./i18n.js";

const dialog = document.getElementById("opinion-dialog");

/** Resolves to the act, or null where the person left. */
export function askSecondOpinion(candidate) {
  const note = dialog.querySelector("textarea");
  note.value = "";
  dialog.returnValue = "cancel";
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "ask") {
        resolve(null);
        return;
      }
      const text = note.value.trim();
      resolve({
        kind: "second",
        candidateIds: [String(candidate.id)],
        path: `/candidates/${candidate.id}/second-opinion`,
        body: text ? { note: text } : {},
        label: _("Second opinion asked for"),
      });
    }, { once: true });
    dialog.showModal();
  });
}
