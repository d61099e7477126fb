/** The kinds of acts that travel through the outbox: how each is called, and taken back. */

import { _ } from "./i18n.js";

export const ACT_KINDS = {
  decision: { undoPath: "/decisions/{id}/undo", text: _("Decision") },
  grouping: { undoPath: "/groupings/{id}/undo", text: _("Merge or split") },
  bulk: { undoPath: "/bulk/{id}/undo", text: _("Bulk rejection") },
  correction: { undoPath: "/corrections/{id}/undo", text: _("Correction") },
  permit: { undoPath: "/permit-checks/{id}/undo", text: _("Answer on a permit") },
  second: { undoPath: null, text: _("Second opinion") },
};

/** Where the act that the server knows as `id` is taken back; null where it cannot be. */
export function undoPathOf(kind, id) {
  return ACT_KINDS[kind]?.undoPath?.replace("{id}", id) ?? null;
}

/** What the outbox says of an act: "Confirm", "Merge or split", "Undo: Confirm". */
export function describeAct(act) {
  const name = act.label || (ACT_KINDS[act.kind]?.text ?? act.kind);
  return act.undoes ? _("Undo: {act}", { act: name }) : name;
}
