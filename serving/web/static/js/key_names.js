/** Keys as they are written on the keyboard. */

import { _ } from "./i18n.js";

const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Equal: "+", Minus: "-",
  Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", Backquote: "`", Backslash: "\\",
  BracketLeft: "[", BracketRight: "]", Space: _("Space"),
  NumpadAdd: "Num +", NumpadSubtract: "Num -", NumpadMultiply: "Num *", NumpadDivide: "Num /",
  NumpadDecimal: "Num .", NumpadEnter: "Num Enter",
};

/** The name of a chord such as "Shift+KeyC": "Shift C". */
export function nameOfChord(chord) {
  return chord.split("+").map((part) => NAMES[part]
    ?? part.replace(/^(Key|Digit)/, "").replace(/^Numpad/, "Num ")).join(" ");
}

/** The chord of a key press, or null for a modifier alone. Ctrl and ⌘ are one. */
export function chordOf(event) {
  if (!event.code || /^(Shift|Control|Alt|Meta|CapsLock|Fn)/.test(event.code)) return null;
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey ? "Shift+" : "") + event.code;
}
