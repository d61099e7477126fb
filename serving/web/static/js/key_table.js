/**
 * Every act of the review screen that has a key: the table that the help shows, that a person
 * changes, and that keys are looked up in. A module that registers an act adds its row here.
 */

import { _ } from "./i18n.js";

export const KEY_GROUPS = [
  ["decide", _("Decide")],
  ["walk", _("Go through the queue")],
  ["look", _("Look")],
  ["work", _("Work on the candidate")],
];

/**
 * {act, group, codes, text}: `codes` are names of places on the keyboard (`event.code`, with
 * "Shift+" before it where wanted), so that a Chinese input method that is switched on does not
 * swallow the letters.
 */
export const KEY_TABLE = [
  { act: "confirm", group: "decide", codes: ["KeyC", "Digit1"], text: _("Confirm: it is a hazard") },
  { act: "reject", group: "decide", codes: ["KeyX", "Digit2"], text: _("Reject: it is none") },
  { act: "unsure", group: "decide", codes: ["KeyS", "Digit3"], text: _("Unsure: put aside") },
  { act: "duplicate", group: "decide", codes: ["KeyD", "Digit4"], text: _("Duplicate of another one") },
  { act: "rejectSimilar", group: "decide", codes: ["KeyR"], text: _("Reject this one and others that look like it") },
  { act: "undo", group: "decide", codes: ["KeyU", "Ctrl+KeyZ"], text: _("Undo, as often as you like") },
  { act: "next", group: "walk", codes: ["KeyJ", "KeyN", "PageDown"], text: _("Next candidate, without deciding") },
  { act: "previous", group: "walk", codes: ["KeyK", "KeyP", "PageUp"], text: _("Previous candidate") },
  { act: "nextSighting", group: "look", codes: ["ArrowRight"], text: _("Next photo of the same candidate") },
  { act: "previousSighting", group: "look", codes: ["ArrowLeft"], text: _("Previous photo of the same candidate") },
  { act: "toggleBox", group: "look", codes: ["KeyH"], text: _("Hide or show the box and the outline") },
  { act: "showBoxArea", group: "look", codes: ["KeyF"], text: _("To the box") },
  { act: "showWhole", group: "look", codes: ["Digit0"], text: _("Whole photo") },
  { act: "showNative", group: "look", codes: ["KeyZ"], text: _("Photo pixels 1:1") },
  { act: "zoomIn", group: "look", codes: ["Equal", "NumpadAdd"], text: _("Zoom in") },
  { act: "zoomOut", group: "look", codes: ["Minus", "NumpadSubtract"], text: _("Zoom out") },
  { act: "merge", group: "work", codes: ["KeyG"], text: _("Merge with others that show the same thing") },
  { act: "split", group: "work", codes: ["KeyV"], text: _("Split photos off that show another thing") },
  { act: "editBox", group: "work", codes: ["KeyE"], text: _("Correct the box") },
  { act: "changeClass", group: "work", codes: ["KeyT"], text: _("Correct the class") },
  { act: "secondOpinion", group: "work", codes: ["KeyO"], text: _("Ask for a second opinion") },
  { act: "compare", group: "look", codes: ["KeyB"], text: _("Compare with earlier photos of the place") },
  { act: "compareBuilding", group: "look", codes: ["KeyA"], text: _("The building before and now, in the photos of both flights") },
  { act: "guide", group: "look", codes: ["KeyI"], text: _("Class guide") },
  { act: "checkPermits", group: "work", codes: ["KeyL"], text: _("Answer for the permits of the building") },
  { act: "note", group: "work", codes: ["KeyM"], text: _("Write a note; Esc leaves it") },
];
