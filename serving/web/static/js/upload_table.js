/** The files of the upload as a table: filtered by state or by what the check found. */

import { describeFinding } from "./check_texts.js";
import { formatBytes } from "./format.js";
import { _ } from "./i18n.js";
import { STATES } from "./upload_items.js";
import { VirtualRows } from "./virtual_rows.js";

const FLIGHTS_NAMED = 3;
const STATE_TEXTS = {
  reading: _("Being looked at"),
  waiting: _("To be sent"),
  missing: _("Only on the card"),
  sending: _("Sending"),
  checking: _("Being checked"),
  accepted: _("Received"),
  rejected: _("Refused"),
  failed: _("Failed"),
  left_out: _("Left out"),
};

function stateText(item) {
  return item.state === "reading" && item.isChecked ? STATE_TEXTS.waiting : STATE_TEXTS[item.state];
}

/** Why an item is where it is, or what its check found; "" where there is nothing to say. */
function describeItem(item) {
  if (item.state === "rejected" || item.state === "failed") {
    const { message, remedy } = item.code ? describeFinding(item.code) : item;
    return [message || item.message, remedy || item.remedy].filter(Boolean).join(" ");
  }
  if (item.state === "accepted" && item.knownIn.length > 0) {
    const more = item.knownIn.length > FLIGHTS_NAMED ? " …" : "";
    const flights = item.knownIn.slice(0, FLIGHTS_NAMED).join(", ") + more;
    return item.file && !item.wasSent
      ? _("Was here already, in flight {flights}; the bytes were not sent again.", { flights })
      : _("The same file is in flight {flights}, too.", { flights });
  }
  return item.codes.map((code) => describeFinding(code).message).join(" ");
}

export class UploadTable {
  #filter = { state: null, code: null };

  constructor({ frame, body, chips, onFilter }) {
    this.chips = chips;
    this.onFilter = onFilter;
    this.rows = new VirtualRows({ frame, body, fill: (row, item) => this.#fill(row, item) });
    chips.addEventListener("click", (event) => {
      const chip = event.target.closest("button[data-state]");
      if (chip) this.filter({ state: chip.dataset.state || null, code: null });
    });
  }

  /** Show only items in a state, or with a code. */
  filter(filter) {
    this.#filter = filter;
    this.onFilter();
  }

  get code() {
    return this.#filter.code;
  }

  /** Show what passes the filter now. */
  show(items) {
    const { state, code } = this.#filter;
    this.rows.show(items.filter((item) => (state === null || this.#stateOf(item) === state)
      && (code === null || item.codes.includes(code))));
  }

  refresh(item) {
    this.rows.refresh(item);
  }

  /** One button a state that has files, with their number. */
  paintChips(items) {
    const counts = new Map(STATES.map((state) => [state, 0]));
    for (const item of items) counts.set(this.#stateOf(item), counts.get(this.#stateOf(item)) + 1);
    const { state: chosen, code } = this.#filter;
    const shown = [...counts].filter(([state, count]) => count > 0 || state === chosen);
    const all = this.#chip("", _("All"), items.length, chosen === null && code === null);
    const chips = shown.map(([state, count]) => this.#chip(state, STATE_TEXTS[state], count, chosen === state));
    if (code !== null) chips.push(this.#codeChip(code));
    this.#replaceChips([all, ...chips]);
  }

  /** What was looked at waits, although it is not announced yet. */
  #stateOf(item) {
    if (item.state !== "reading" || !item.isChecked) return item.state;
    return item.isLeftOut ? "left_out" : "waiting";
  }

  #chip(state, label, count, isChosen) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.dataset.state = state;
    chip.setAttribute("aria-pressed", String(isChosen));
    chip.textContent = `${label} `;
    const number = document.createElement("b");
    number.textContent = count;
    chip.append(number);
    return chip;
  }

  #codeChip(code) {
    const chip = document.createElement("span");
    chip.className = "chip is-code";
    chip.textContent = describeFinding(code).message;
    return chip;
  }

  /** New numbers must not take the focus off a button that somebody stands on. */
  #replaceChips(chips) {
    const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.state : null;
    this.chips.replaceChildren(...chips);
    if (focused !== null) this.chips.querySelector(`[data-state="${focused}"]`)?.focus();
  }

  #fill(row, item) {
    if (row.cells.length === 0) {
      for (const name of ["file-name", "file-size", "file-progress", "file-state"]) {
        row.insertCell().className = name;
      }
      row.cells[2].append(document.createElement("progress"));
    }
    const state = this.#stateOf(item);
    row.dataset.state = state;
    row.dataset.path = item.path;
    row.cells[0].textContent = item.path;
    row.cells[0].title = item.path;
    row.cells[1].textContent = formatBytes(item.size);
    this.#fillProgress(row.cells[2].firstElementChild, item);
    this.#fillState(row.cells[3], item, state);
  }

  #fillProgress(progress, item) {
    progress.max = Math.max(1, item.size);
    progress.value = item.state === "accepted" ? progress.max : item.sent;
    progress.setAttribute("aria-label", item.path);
  }

  #fillState(cell, item, state) {
    const tag = document.createElement("span");
    tag.className = `tag tag-${state}`;
    tag.textContent = state === "left_out" ? STATE_TEXTS.left_out : stateText(item);
    const reason = document.createElement("span");
    reason.className = item.codes.length > 0 && state !== "rejected" ? "reason flaw" : "reason";
    reason.textContent = describeItem(item);
    cell.title = reason.textContent;
    cell.replaceChildren(tag, reason);
  }
}
