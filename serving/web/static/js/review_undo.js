/**
 * Taking back, as often as the person likes. The server keeps one stack for each person; what is
 * still on its way lies on top of it.
 */

import { describeAct } from "./act_kinds.js";
import { request } from "./api.js";
import { outbox } from "./base.js";
import { _ } from "./i18n.js";
import { deliver } from "./review_delivery.js";
import { changeRemaining } from "./review_remaining.js";
import { screen } from "./review_screen.js";
import { goTo, panels, queue } from "./review_walk.js";
import { showToast } from "./toast.js";

const DONE_TEXTS = {
  confirm: _("Confirmed"), reject: _("Rejected"), unsure: _("Marked unsure"),
  duplicate: _("Marked duplicate"),
};
const READ_AHEAD = 50;

let stack = []; // as the server gave it last, for when the link is down

async function readStack() {
  stack = (await request("GET", `/me/acts?limit=${READ_AHEAD}`)).items;
}

/** The server's last act that is not being taken back already, or null. */
async function lastAtServer() {
  await readStack().catch((error) => {
    if (!error.isPassing) throw error;
  });
  const going = new Set(outbox.open.map((act) => act.path));
  return stack.find((item) => !going.has(item.undo_path)) ?? null;
}

/** Take back the last act of this person, or the one named. */
export async function undoAct(actId = null) {
  if (!outbox) return;
  const open = actId ?? outbox.lastOpen?.id;
  const undo = open ? outbox.undo(open) : await undoAtServer();
  if (undo === null) showToast(_("There is nothing to undo."));
  else await showTakenBack(undo);
}

async function undoAtServer() {
  const last = await lastAtServer();
  return last && outbox.undoAtServer({
    kind: last.kind, path: last.undo_path, verdict: last.verdict,
    candidateIds: last.candidate_ids.map(String), stateAfter: last.state_before,
  });
}

/** Take back an act that a button in the history of a candidate names. */
export async function undoNamed({ kind, path, verdict = null }) {
  if (!outbox) return;
  const candidateIds = [String(screen.candidate.id)];
  await showTakenBack(outbox.undoAtServer({ kind, path, verdict, candidateIds }), { stay: true });
}

async function showTakenBack(undo, { stay = false } = {}) {
  if (undo.stateAfter === screen.wantedState) changeRemaining(undo.candidateIds.length);
  for (const id of undo.candidateIds) queue.markOpen(id);
  panels.clear();
  const done = await deliver(undo);
  if (done !== null) {
    const label = DONE_TEXTS[undo.verdict] ?? describeAct({ ...undo, undoes: null });
    showToast(_("Taken back: {act}", { act: label }));
  }
  const shown = done?.answer?.candidate_id ?? undo.candidateIds[0];
  for (const id of done?.answer?.candidate_ids ?? []) queue.markOpen(String(id));
  if (shown) await goTo(String(shown), { remember: !stay });
}

if (outbox) {
  readStack().catch(() => {}); // asked again at the first undo
  outbox.addEventListener("saved", ({ detail: act }) => {
    const path = outbox.undoPathOf(act);
    if (path) {
      stack.unshift({
        kind: act.kind, undo_path: path, verdict: act.verdict ?? null,
        candidate_ids: act.candidateIds, state_before: act.seenState ?? null,
      });
    }
  });
  outbox.addEventListener("undone", ({ detail: undo }) => {
    stack = stack.filter((item) => item.undo_path !== undo.path);
  });
}
