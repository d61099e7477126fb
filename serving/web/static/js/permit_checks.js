/** The checklist of permits: one click says one answer; the dialog says all, with notes. */

import { _ } from "./i18n.js";
import { registerActs } from "./review_acts.js";
import { canAct } from "./review_decisions.js";
import { send } from "./review_delivery.js";
import { screen } from "./review_screen.js";
import { inOrder } from "./review_steps.js";

const dialog = document.getElementById("permit-dialog");

/** The lines of the checklist as the panel has them: {permit, standing, answer, note, name}. */
function readLines() {
  return [...screen.panel.querySelectorAll("[data-permit]")].map((line) => ({
    ...line.dataset, name: line.querySelector(".permit-name").textContent,
  }));
}

function describeAnswer(candidate, line, answer, note) {
  return {
    kind: "permit",
    candidateIds: [String(candidate.id)],
    path: `/candidates/${candidate.id}/permit-checks`,
    body: {
      permit: line.permit, answer, note: note || null,
      expected_check: line.standing ? Number(line.standing) : null,
    },
    label: _("Noted: {permit}", { permit: line.name }),
  };
}

/** What the person changed in the dialog, as acts. */
function readDialog(candidate, lines) {
  return lines.map((line) => {
    const part = dialog.querySelector(`fieldset[data-permit=${line.permit}]`);
    const answer = part.querySelector("input[type=radio]:checked")?.value;
    const note = part.querySelector("input[type=text]").value.trim();
    const isSame = answer === line.answer && note === line.note;
    return answer && !isSame ? describeAnswer(candidate, line, answer, note) : null;
  });
}

function fillDialog(lines) {
  dialog.querySelector("form").reset();
  for (const line of lines) {
    const part = dialog.querySelector(`fieldset[data-permit=${line.permit}]`);
    for (const radio of part.querySelectorAll("input[type=radio]")) {
      radio.checked = radio.value === line.answer;
    }
    part.querySelector("input[type=text]").value = line.note;
  }
}

/** Resolves to the acts; none where the person left. */
function askPermits(candidate) {
  const lines = readLines();
  fillDialog(lines);
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "save" ? readDialog(candidate, lines) : []);
    }, { once: true });
  });
}

async function checkPermits() {
  if (screen.panel.querySelector("#permits") === null || !canAct()) return;
  await send(await askPermits(screen.candidate));
}

async function answerOne(permit, answer) {
  if (!canAct()) return;
  const line = readLines().find((each) => each.permit === permit);
  if (!line || line.answer === answer) return;
  await send([describeAnswer(screen.candidate, line, answer, "")]);
}

dialog.querySelector("[data-closes]").addEventListener("click", () => dialog.close("cancel"));
dialog.addEventListener("input", ({ target }) => {
  // A note without an answer says: this is being looked into.
  if (target.type !== "text" || !target.value) return;
  const part = target.closest("fieldset");
  if (!part.querySelector(":checked")) part.querySelector("[value=to_check]").checked = true;
});
screen.panel.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-permit-answer]");
  if (!button) return;
  const { permit } = button.closest("[data-permit]").dataset;
  inOrder(() => answerOne(permit, button.dataset.permitAnswer));
});
registerActs({ checkPermits: () => inOrder(checkPermits) });
