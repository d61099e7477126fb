/** Rejecting this candidate and others that look like it, as one act that is undone at once. */

import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { canAct } from "./review_decisions.js";
import { deliver } from "./review_delivery.js";
import { changeRemaining } from "./review_remaining.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";
import { undoAct } from "./review_undo.js";
import { goNext, panels, queue } from "./review_walk.js";
import { askSimilar } from "./similar_dialog.js";
import { showToast } from "./toast.js";

function bulkRequest(candidate, { items, minSimilarity }) {
  const note = document.getElementById("note").value.trim();
  return {
    kind: "bulk",
    path: "/bulk",
    body: {
      anchor_id: candidate.id,
      members: items.map(({ id, revision }) => ({ id, revision })),
      min_similarity: minSimilarity,
      ...(note ? { note } : {}),
    },
    candidateIds: items.map(({ id }) => String(id)),
    label: _("Bulk rejection ({count})", { count: items.length }),
    seenState: "pending",
    stateAfter: "rejected",
  };
}

export async function rejectSimilar() {
  if (!canAct()) return;
  const { candidate } = screen;
  if (outbox.stateOf(String(candidate.id), candidate.state) !== "pending") {
    showToast(_("Only pending candidates are rejected together."));
    return;
  }
  const chosen = await askSimilar(candidate, screen.filter);
  if (chosen === null) return;
  const act = outbox.add(bulkRequest(candidate, chosen));
  for (const id of act.candidateIds) queue.markDecided(id);
  panels.clear();
  changeRemaining(-act.candidateIds.length);
  let done;
  try {
    done = await deliver(act);
  } catch (error) {
    for (const id of act.candidateIds) queue.markOpen(id);
    throw error;
  }
  sayRejected(act, done?.answer ?? null);
  await goNext();
}

function sayRejected(act, answer) {
  const leftOut = answer?.left_out ?? [];
  for (const { candidate_id: id } of leftOut) queue.markOpen(String(id));
  const rejected = act.candidateIds.length - leftOut.length;
  const text = leftOut.length === 0
    ? _("Rejected together: {count}", { count: rejected })
    : _("Rejected together: {count}. Left out: {left} (urgent, held by others or changed meanwhile)", {
      count: rejected, left: leftOut.map(({ candidate_id: id }) => `#${id}`).join(", "),
    });
  showToast(text, {
    lastsMs: 10_000,
    action: { label: _("Undo"), run: () => inOrder(() => undoAct(act.id)) },
  });
}
