/** Correct the box of one sighting: with the mouse or a finger at eight handles, or with the keys. */

import { _ } from "./i18n.js";

const MIN_SIDE_PX = 2; // as the server has it
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
const FAST = 10; // photo pixels with Shift

/** The sides [x_min, y_min, x_max, y_max] that a handle moves, as 0 or 1. */
function sidesOf(handle) {
  if (handle === "all") return [1, 1, 1, 1];
  return [
    Number(handle.includes("w")), Number(handle.includes("n")),
    Number(handle.includes("e")), Number(handle.includes("s")),
  ];
}

/** `box` with the sides of `handle` moved, inside the photo and never turned inside out. */
function moveBox(box, handle, dx, dy, photo) {
  const sides = sidesOf(handle);
  const limits = [photo.width_px, photo.height_px];
  const moved = box.map((value, index) => value + sides[index] * [dx, dy][index % 2]);
  for (const axis of [0, 1]) {
    const [low, high] = [axis, axis + 2];
    if (handle === "all") { // the whole box stops at the edge with its size
      const shift = Math.max(0, -moved[low]) + Math.min(0, limits[axis] - moved[high]);
      moved[low] += shift;
      moved[high] += shift;
    } else if (sides[low]) {
      moved[low] = Math.max(0, Math.min(moved[low], box[high] - MIN_SIDE_PX));
    } else if (sides[high]) {
      moved[high] = Math.min(limits[axis], Math.max(moved[high], box[low] + MIN_SIDE_PX));
    }
  }
  return moved;
}

function roundBox(box) {
  return box.map((value) => Math.round(value * 10) / 10);
}

/** The frame with its handles over the photo; emits nothing, is asked for `box` at the end. */
class BoxFrame {
  #drag = null;

  constructor(viewer, box) {
    this.viewer = viewer;
    this.box = [...box];
    this.handle = "all"; // what the arrows move
    this.element = document.createElement("div");
    this.element.className = "box-frame";
    this.element.dataset.handle = "all";
    this.handles = new Map(HANDLES.map((name) => {
      const handle = document.createElement("i");
      handle.className = "box-handle";
      handle.dataset.handle = name;
      this.element.append(handle);
      return [name, handle];
    }));
    this.element.addEventListener("pointerdown", (event) => this.#grasp(event));
    this.element.addEventListener("pointermove", (event) => this.#pull(event));
    this.element.addEventListener("pointerup", () => { this.#drag = null; });
    this.element.addEventListener("pointercancel", () => { this.#drag = null; });
    this.element.addEventListener("wheel", (event) => {
      event.preventDefault();
      viewer.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
    }, { passive: false });
    viewer.element.append(this.element);
    this.place = () => this.#place();
    viewer.addEventListener("move", this.place);
    this.choose("all");
    this.#place();
  }

  /** Move what is chosen by photo pixels. */
  nudge(dx, dy) {
    this.box = moveBox(this.box, this.handle, dx, dy, this.viewer.photo);
    this.#place();
  }

  /** Choose what the arrows move: the whole box, or one handle. */
  choose(name) {
    this.handle = name;
    for (const [each, handle] of this.handles) handle.classList.toggle("is-chosen", each === name);
  }

  chooseNext(step) {
    const names = ["all", ...HANDLES];
    this.choose(names.at((names.indexOf(this.handle) + step) % names.length));
  }

  remove() {
    this.viewer.removeEventListener("move", this.place);
    this.element.remove();
  }

  #grasp(event) {
    event.preventDefault();
    event.stopPropagation(); // the photo stays where it is
    this.element.setPointerCapture(event.pointerId);
    const handle = event.target.dataset.handle;
    this.choose(handle);
    this.#drag = { handle, from: [event.clientX, event.clientY], box: this.box };
  }

  #pull(event) {
    if (!this.#drag) return;
    event.stopPropagation();
    const { handle, from, box } = this.#drag;
    const here = this.viewer.toPhoto(event.clientX, event.clientY);
    const there = this.viewer.toPhoto(...from);
    this.box = moveBox(box, handle, here.x - there.x, here.y - there.y, this.viewer.photo);
    this.#place();
  }

  #place() {
    if (!this.viewer.isOpen) return;
    const [xMin, yMin, xMax, yMax] = this.box;
    const low = this.viewer.toElement(xMin, yMin);
    const high = this.viewer.toElement(xMax, yMax);
    Object.assign(this.element.style, {
      left: `${low.x}px`, top: `${low.y}px`,
      width: `${high.x - low.x}px`, height: `${high.y - low.y}px`,
    });
  }
}

/** The act that says the new box; `sighting` is as the page has it. */
function describeCorrection(candidate, sighting, box) {
  return {
    kind: "correction",
    candidateIds: [String(candidate.id)],
    path: `/candidates/${candidate.id}/corrections`,
    body: {
      detection_id: sighting.detection_id, bbox_xyxy: box,
      expected_correction: sighting.box_correction?.id ?? null,
    },
    label: _("Box corrected"),
  };
}

/**
 * Let the person correct the box of `sighting` in `viewer`. `bar` holds the buttons save and leave;
 * `takeKeys` hands the keys over meanwhile. Resolves to the act, or null where nothing was changed.
 */
export function editBox({ viewer, candidate, sighting, bar, takeKeys }) {
  if (!viewer.isOpen) return Promise.resolve(null);
  document.activeElement?.blur(); // keys typed into a field are not ours
  const showedBox = viewer.showsBox;
  viewer.toggleBox(false);
  viewer.element.scrollIntoView({ block: "nearest" }); // on a phone the button stands below
  viewer.showBoxArea();
  const frame = new BoxFrame(viewer, sighting.bbox_xyxy);
  bar.hidden = false;
  return new Promise((resolve) => {
    const end = (isSaved) => {
      letKeysGo();
      frame.remove();
      bar.hidden = true;
      bar.removeEventListener("click", onClick);
      viewer.removeEventListener("open", leave);
      viewer.toggleBox(showedBox);
      const box = roundBox(frame.box);
      const isChanged = box.some((value, index) => Math.abs(value - sighting.bbox_xyxy[index]) >= 0.1);
      resolve(isSaved && isChanged ? describeCorrection(candidate, sighting, box) : null);
    };
    const leave = () => end(false);
    const onClick = (event) => {
      const button = event.target.closest("button[value]");
      if (button) end(button.value === "save");
    };
    const onKey = (event) => {
      const arrow = ARROWS[event.code];
      if (arrow) {
        const step = event.shiftKey ? FAST : 1;
        frame.nudge(arrow[0] * step, arrow[1] * step);
      } else if (event.code === "Tab") frame.chooseNext(event.shiftKey ? -1 : 1);
      else if (event.code === "Enter" || event.code === "NumpadEnter") end(true);
      else if (event.code === "Escape") end(false);
      else return /^(Key|Digit)/.test(event.code); // nothing is decided meanwhile
      event.preventDefault();
      return true;
    };
    const letKeysGo = takeKeys(onKey);
    bar.addEventListener("click", onClick);
    viewer.addEventListener("open", leave); // another candidate came
  });
}
