/** One key, one act. The table is also what the help shows. */

/** [act, keys as `event.code` names] */
const BINDINGS = [
  ["confirm", ["KeyC", "Digit1"]],
  ["reject", ["KeyX", "Digit2"]],
  ["unsure", ["KeyS", "Digit3"]],
  ["duplicate", ["KeyD", "Digit4"]],
  ["merge", ["KeyG"]],
  ["split", ["KeyV"]],
  ["undo", ["KeyU"]],
  ["next", ["KeyJ", "KeyN", "PageDown"]],
  ["previous", ["KeyK", "KeyP", "PageUp"]],
  ["nextSighting", ["ArrowRight"]],
  ["previousSighting", ["ArrowLeft"]],
  ["toggleBox", ["KeyH"]],
  ["showBoxArea", ["KeyF"]],
  ["showWhole", ["Digit0"]],
  ["showNative", ["KeyZ"]],
  ["zoomIn", ["Equal", "NumpadAdd"]],
  ["zoomOut", ["Minus", "NumpadSubtract"]],
  ["note", ["KeyM"]],
];
const ACT_BY_CODE = new Map(BINDINGS.flatMap(([act, codes]) => codes.map((code) => [code, act])));

function isTyping(target) {
  return target.closest?.("input, textarea, select, dialog, [contenteditable]") !== null;
}

/**
 * The act that a key press asks for, or null. Codes name places on the keyboard, so that a
 * Chinese input method that is switched on does not swallow the letters.
 */
export function actForKey(event) {
  if (isTyping(event.target) || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    return event.code === "KeyZ" && !event.shiftKey ? "undo" : null;
  }
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return "help";
  return ACT_BY_CODE.get(event.code) ?? null;
}
