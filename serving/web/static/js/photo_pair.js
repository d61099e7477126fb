/**
 * Two photos of one place, one over the other with a divider or side by side, moved and zoomed
 * together. What ties them: `{point_px, px_per_m, turn_deg}` of each, as the server computed it.
 */

import { tileSource } from "./viewer.js";

const OpenSeadragon = globalThis.OpenSeadragon;
const NUDGE_PX = 2; // on the screen
const FIRST_LOOK_M = 8; // how much of the place the first look shows at least,
const FIRST_LOOK_PX = 400; // and how many photo pixels: a coarse photo is not torn into squares

const OPTIONS = {
  prefixUrl: "", drawer: "canvas", showNavigationControl: false, showNavigator: false,
  animationTime: 0.2, springStiffness: 12, maxZoomPixelRatio: 16, minZoomImageRatio: 0.3,
  visibilityRatio: 0, immediateRender: false, imageLoaderLimit: 6, timeout: 60_000,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true, pinchRotate: false },
};

/** What ties two photos where the poses do not: boxes of the same thing, else the whole photos. */
function tieOf(side, others) {
  if (side.shown && others.every((each) => each.shown)) return side.shown;
  if (side.bbox && others.every((each) => each.bbox)) {
    const [xMin, yMin, xMax, yMax] = side.bbox;
    const size = Math.max(xMax - xMin, yMax - yMin);
    return { point_px: [(xMin + xMax) / 2, (yMin + yMax) / 2], px_per_m: size, turn_deg: null };
  }
  const { width_px: width, height_px: height } = side.photo;
  return { point_px: [width / 2, height / 2], px_per_m: Math.hypot(width, height) / FIRST_LOOK_M, turn_deg: null };
}

/** How far the second photo is turned against the first, clockwise, in degrees. */
function turnBetween(one, other) {
  const known = one.turn_deg !== null && other.turn_deg !== null;
  return known ? other.turn_deg - one.turn_deg : 0;
}

export class PhotoPair {
  #viewers; // [old, now]
  #ties = [];
  #leader = 1;
  #nudge = { x: 0, y: 0 }; // of the old photo, in its own pixels
  #share = 0.5;
  #isFollowing = false;

  /** `stage` holds `.pair-old`, `.pair-now` and the divider, a slider. */
  constructor(stage) {
    this.stage = stage;
    this.divider = stage.querySelector(".pair-divider");
    const elements = [stage.querySelector(".pair-old"), stage.querySelector(".pair-now")];
    this.#viewers = elements.map((element) => new OpenSeadragon({ ...OPTIONS, element }));
    this.#viewers.forEach((viewer, index) => {
      viewer.innerTracker.keyDownHandler = null;
      viewer.innerTracker.keyHandler = null;
      for (const name of ["canvas-press", "canvas-scroll", "canvas-drag", "canvas-pinch"]) {
        viewer.addHandler(name, () => { this.#leader = index; });
      }
      viewer.addHandler("update-viewport", () => {
        this.#sharpen(viewer);
        if (index === this.#leader) this.#follow();
      });
    });
    this.#wireDivider();
  }

  /**
   * Show two sides `{photo, shown, bbox, errorM, isBare}` (nothing is marked in a bare one); the
   * second stands upright. First the place alone, or the `whole` photo.
   */
  async open(old, now, { whole = false } = {}) {
    this.#nudge = { x: 0, y: 0 };
    this.#leader = 1;
    this.stage.dataset.ready = "no";
    this.#ties = [tieOf(old, [now]), tieOf(now, [old])];
    await Promise.all([old, now].map((side, index) => this.#openOne(index, side)));
    this.#firstLook(whole);
    this.stage.dataset.ready = "yes";
  }

  close() {
    for (const viewer of this.#viewers) viewer.close();
  }

  /** One over the other with a divider, or side by side. */
  set mode(mode) {
    this.stage.dataset.mode = mode;
    requestAnimationFrame(() => this.#follow());
  }

  get mode() {
    return this.stage.dataset.mode;
  }

  /** Move the divider by a share of the width. */
  moveDivider(share) {
    this.#setShare(this.#share + share);
  }

  /** Lay the old photo better over the new one: its pose is never quite right. */
  nudge(dx, dy) {
    const viewer = this.#viewers[0];
    const zoom = this.#imageZoom(0);
    const turn = (-viewer.viewport.getRotation(true) * Math.PI) / 180;
    const [x, y] = [(-dx * NUDGE_PX) / zoom, (-dy * NUDGE_PX) / zoom];
    this.#nudge.x += x * Math.cos(turn) - y * Math.sin(turn);
    this.#nudge.y += x * Math.sin(turn) + y * Math.cos(turn);
    this.#leader = 1;
    this.#follow();
  }

  zoomBy(factor) {
    const { viewport } = this.#viewers[1];
    this.#leader = 1;
    viewport.zoomBy(factor);
  }

  /** Use a key: arrows move the divider, with Shift the old photo; plus and minus zoom. */
  useKey(event) {
    if (this.#viewers.some((viewer) => !viewer.world.getItemAt(0))) return false;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.code];
    if (arrow && event.shiftKey) this.nudge(...arrow);
    else if (arrow && arrow[0]) this.moveDivider(arrow[0] * 0.04);
    else if (event.code === "Equal" || event.code === "NumpadAdd") this.zoomBy(1.5);
    else if (event.code === "Minus" || event.code === "NumpadSubtract") this.zoomBy(1 / 1.5);
    else return false;
    return true;
  }

  #openOne(index, side) {
    const viewer = this.#viewers[index];
    return new Promise((resolve) => {
      viewer.addOnceHandler("open", () => {
        this.#mark(viewer, side, this.#ties[index]);
        resolve();
      });
      viewer.addOnceHandler("open-failed", resolve);
      viewer.open(tileSource(side.photo));
    });
  }

  /** Draw the box that was found, or a ring where the place must be. */
  #mark(viewer, side, tie) {
    viewer.clearOverlays();
    const image = viewer.world.getItemAt(0);
    const element = document.createElement("div");
    let [xMin, yMin, xMax, yMax] = side.bbox ?? [];
    if (side.bbox) element.className = "photo-box";
    else {
      const radius = Math.max(0.5, side.errorM ?? 1) * tie.px_per_m;
      [xMin, yMin] = tie.point_px.map((value) => value - radius);
      [xMax, yMax] = tie.point_px.map((value) => value + radius);
      element.className = "place-ring";
    }
    if (side.isBare || (!side.bbox && !side.shown)) return;
    viewer.addOverlay({
      element,
      location: image.imageToViewportRectangle(xMin, yMin, xMax - xMin, yMax - yMin),
    });
  }

  #firstLook(whole) {
    const viewer = this.#viewers[1];
    const image = viewer.world.getItemAt(0);
    if (!image) return;
    const { point_px: [x, y], px_per_m: scale } = this.#ties[1];
    const half = Math.max(FIRST_LOOK_M * scale, FIRST_LOOK_PX) / 2;
    viewer.viewport.setRotation(0, true);
    if (whole) viewer.viewport.goHome(true);
    else {
      viewer.viewport.fitBounds(
        image.imageToViewportRectangle(x - half, y - half, 2 * half, 2 * half), true);
    }
    this.#follow();
  }

  #imageZoom(index) {
    const viewer = this.#viewers[index];
    return viewer.world.getItemAt(0).viewportToImageZoom(viewer.viewport.getZoom(true));
  }

  /** Put the other photo where the leading one is. */
  #follow() {
    if (this.#isFollowing || this.#viewers.some((viewer) => !viewer.world.getItemAt(0))) return;
    this.#isFollowing = true;
    const [lead, rest] = [this.#leader, 1 - this.#leader];
    const [from, to] = [this.#ties[lead], this.#ties[rest]];
    const [leading, following] = [this.#viewers[lead], this.#viewers[rest]];
    const middle = leading.world.getItemAt(0).viewportToImageCoordinates(leading.viewport.getCenter(true));
    const scale = to.px_per_m / from.px_per_m;
    const turnDeg = turnBetween(from, to);
    const turn = (turnDeg * Math.PI) / 180;
    // The nudge belongs to the old photo, whichever of the two leads.
    const [mine, its] = lead === 0 ? [this.#nudge, { x: 0, y: 0 }] : [{ x: 0, y: 0 }, this.#nudge];
    const x = (middle.x - from.point_px[0] - mine.x) * scale;
    const y = (middle.y - from.point_px[1] - mine.y) * scale;
    const there = new OpenSeadragon.Point(
      to.point_px[0] + its.x + x * Math.cos(turn) - y * Math.sin(turn),
      to.point_px[1] + its.y + x * Math.sin(turn) + y * Math.cos(turn));
    const image = following.world.getItemAt(0);
    following.viewport.setRotation(leading.viewport.getRotation(true) - turnDeg, true);
    following.viewport.zoomTo(image.imageToViewportZoom(this.#imageZoom(lead) / scale), null, true);
    following.viewport.panTo(image.imageToViewportCoordinates(there), true);
    this.#isFollowing = false;
  }

  /** Above 100 % a photo pixel is a square on the screen: smoothing would invent detail. */
  #sharpen(viewer) {
    const image = viewer.world.getItemAt(0);
    if (!image) return;
    const zoom = image.viewportToImageZoom(viewer.viewport.getZoom(true)) * devicePixelRatio;
    viewer.drawer.setImageSmoothingEnabled(Math.round(zoom * 100) <= 100);
  }

  #setShare(share) {
    this.#share = Math.min(0.98, Math.max(0.02, share));
    this.stage.style.setProperty("--share", `${this.#share * 100}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.#share * 100)));
  }

  #wireDivider() {
    const { divider, stage } = this;
    this.#setShare(this.#share);
    divider.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const { left, width } = stage.getBoundingClientRect();
      this.#setShare((event.clientX - left) / width);
    });
  }
}
