/** Whether the card may be wiped, and what stands against it. Only the server's word makes it green. */

import { _ } from "./i18n.js";

const NAMES_SHOWN = 50;

/** Left-out files that are nowhere but on the card; the double of another file is not. */
function listOnlyOnCard(items) {
  return items.filter((item) => item.state === "left_out" && !item.codes.includes("duplicate_photo"));
}

/** {tone, title, text, names} of the card, or null while there is nothing to say yet. */
export function judgeCard(queue) {
  const { counts, items } = queue;
  const states = items.count();
  const moving = states.reading + states.waiting + states.sending + states.checking;
  if (queue.isStarted && moving > 0) return judgeMoving();
  if (!counts || counts.total === 0) return null;
  if (moving + counts.checking > 0) return judgeMoving();
  const open = counts.expected + counts.transferring + states.failed;
  const onlyOnCard = listOnlyOnCard(items.list);
  if (open > 0) return judgeOpen(items.list, open);
  if (!counts.card_may_be_wiped) {
    const text = counts.accepted === 0
      ? _("No file could be taken in.") : _("The server is reading the stored files once more.");
    return { tone: "plain", title: _("Do not wipe the card yet."), text, names: [] };
  }
  if (onlyOnCard.length > 0) {
    return {
      tone: "warn", title: _("{count} files are only on the card.", { count: onlyOnCard.length }),
      text: _("The server holds all {count} files that were sent; these were left out:", { count: counts.accepted }),
      names: onlyOnCard.map((item) => item.path),
    };
  }
  return {
    tone: "ok", title: _("The card may be wiped."),
    text: describeHeld(counts), names: [],
  };
}

function describeHeld({ accepted, rejected }) {
  const held = _("The server holds {count} files and has read each of them again.", { count: accepted });
  if (rejected === 0) return held;
  return `${held} ` + _("{count} files were refused by name and are of no use.", { count: rejected });
}

function judgeMoving() {
  const text = _("Files are still being sent or checked.");
  return { tone: "plain", title: _("Do not wipe the card yet."), text, names: [] };
}

function judgeOpen(items, open) {
  const missing = items.filter((item) => item.state === "missing" || item.state === "failed");
  return {
    tone: "warn", title: _("{count} files are only on the card.", { count: open }),
    text: _("Drop the folder again: what is here is recognised, the rest goes on where it stopped."),
    names: missing.map((item) => item.path),
  };
}

/** What stands in the way of sending, or "". */
export function describeTrouble(queue) {
  if (queue.link.state === "offline") {
    return _("The connection is interrupted. Keep this page open: it goes on by itself, and nothing that has arrived is sent again.");
  }
  if (queue.link.state === "not_signed_in") {
    return _("You are not signed in any more. Sign in again, then it goes on by itself.");
  }
  if (queue.link.state === "full") return _("The server's disk is full. Nothing is lost; it goes on when there is room again.");
  return "";
}

/** Paint the verdict into `box`; `receiptUrl` proves it. */
export function paintVerdict(box, verdict, receiptUrl) {
  box.hidden = verdict === null;
  if (verdict === null) return;
  box.className = `upload-note notice notice-${verdict.tone}`;
  box.dataset.tone = verdict.tone;
  const title = document.createElement("div");
  title.className = "verdict-title";
  title.textContent = verdict.title;
  const text = document.createElement("div");
  text.textContent = verdict.text;
  box.replaceChildren(title, text, ...listNames(verdict.names));
  if (verdict.tone !== "plain") box.append(linkTo(receiptUrl));
}

function listNames(names) {
  if (names.length === 0) return [];
  const list = document.createElement("div");
  list.className = "left-names";
  const more = names.length > NAMES_SHOWN ? ` … (+${names.length - NAMES_SHOWN})` : "";
  list.textContent = names.slice(0, NAMES_SHOWN).join(", ") + more;
  return [list];
}

function linkTo(url) {
  const links = document.createElement("div");
  links.className = "verdict-links";
  const link = document.createElement("a");
  link.href = url;
  link.target = "_blank";
  link.textContent = _("Receipt with every file and its hash");
  links.append(link);
  return links;
}
