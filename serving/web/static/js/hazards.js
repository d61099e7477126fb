/** The list of hazards: a confirmation made by mistake is taken back here too. */

import { undoPathOf } from "./act_kinds.js";
import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { showToast } from "./toast.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-undo-decision]");
  if (!button || !outbox) return;
  button.disabled = true;
  const row = button.closest("tr");
  const { candidateId } = button.dataset;
  const act = outbox.undoAtServer({
    kind: "decision", path: undoPathOf("decision", button.dataset.undoDecision),
    candidateIds: [candidateId], verdict: "confirm",
  });
  outbox.addEventListener("undone", (done) => {
    if (done.detail.id !== act.id) return;
    row.classList.add("is-gone");
    showToast(_("Taken back. The candidate waits in the queue again."), {
      action: { label: _("Open"), run: () => location.assign(`/review/${candidateId}`) },
    });
  });
});
