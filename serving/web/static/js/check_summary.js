/** What the check before sending found: reasons with counts first, each to be sent or left out. */

import { describeFinding } from "./check_texts.js";
import { NAMED_BY_SERVER, USELESS } from "./file_checks.js";
import { _ } from "./i18n.js";

function button(label, run) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button button-small";
  element.textContent = label;
  element.addEventListener("click", run);
  return element;
}

function line(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Code -> items that can still be sent or left out, the most frequent first, the useless on top. */
function groupByCode(items) {
  const groups = new Map();
  for (const item of items) {
    for (const code of item.codes) groups.set(code, [...(groups.get(code) ?? []), item]);
  }
  const weight = ([code, group]) => (USELESS.has(code) ? 1e9 : 0) + group.length;
  return [...groups].sort((one, other) => weight(other) - weight(one));
}

export class CheckSummary {
  /** `list` is a ul; `onShow(code)` filters the table, `onChoose(items, "send" | "leave")` decides. */
  constructor(list, { onShow, onChoose }) {
    this.list = list;
    this.onShow = onShow;
    this.onChoose = onChoose;
  }

  paint(items) {
    const groups = groupByCode(items);
    this.list.replaceChildren(...groups.map(([code, group]) => this.#describe(code, group)));
    return groups.length;
  }

  #describe(code, group) {
    const { message, remedy } = describeFinding(code);
    const row = document.createElement("li");
    row.dataset.code = code;
    const left = group.filter((item) => item.isLeftOut && item.state !== "rejected").length;
    row.append(
      line("span", USELESS.has(code) ? "finding-count is-useless" : "finding-count", String(group.length)),
      line("span", "finding-text", message),
      line("span", "finding-remedy muted", remedy),
      this.#acts(code, group, left),
    );
    return row;
  }

  #acts(code, group, left) {
    const acts = document.createElement("span");
    acts.className = "finding-acts";
    const open = group.filter((item) => ["reading", "waiting", "left_out"].includes(item.state));
    if (left > 0) acts.append(line("span", "tag tag-left_out", _("{count} left out", { count: left })));
    acts.append(button(_("Show these"), () => this.onShow(code)));
    if (!NAMED_BY_SERVER.has(code) && open.some((item) => item.isLeftOut)) {
      acts.append(button(_("Send anyway"), () => this.onChoose(open, "send")));
    }
    if (open.some((item) => !item.isLeftOut)) {
      acts.append(button(_("Leave out"), () => this.onChoose(open, "leave")));
    }
    return acts;
  }
}
