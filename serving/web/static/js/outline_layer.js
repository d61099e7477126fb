/** Outlines over the photo: drawn in photo pixels, moved with the photo, equally thin at any zoom. */

const EDGE = 1000; // how far outside the photo strokes are let through, in photo pixels

function pathFromRings(rings) {
  return rings.map((ring) => `M${ring.map(([x, y]) => `${x} ${y}`).join("L")}Z`).join("");
}

export class OutlineLayer {
  #photo = null;

  /** `svg` holds a `.outline-view` with strokes, clipped by `.outline-outside`. */
  constructor(svg) {
    this.svg = svg;
    this.view = svg.querySelector(".outline-view");
    this.strokes = svg.querySelectorAll(".outline-halo, .outline-line");
    this.outside = svg.querySelector(".outline-outside");
  }

  /** Draw rings of `[x, y]` in pixels of `photo`; none of a model of boxes. */
  draw(photo, rings) {
    this.#photo = photo;
    const path = pathFromRings(rings);
    for (const stroke of this.strokes) stroke.setAttribute("d", path);
    // Strokes lie outside the outline alone: what it encloses is what the person has to judge.
    const { width_px: width, height_px: height } = photo;
    this.outside.setAttribute(
      "d", `M${-EDGE} ${-EDGE}H${width + EDGE}V${height + EDGE}H${-EDGE}Z${path}`);
  }

  clear() {
    this.#photo = null;
    for (const stroke of this.strokes) stroke.removeAttribute("d");
  }

  /** Lay the photo's pixels where `image` of the viewer shows them now. */
  follow(image) {
    if (!this.#photo || !image) return;
    const origin = image.imageToViewerElementCoordinates(new globalThis.OpenSeadragon.Point(0, 0));
    const corner = image.imageToViewerElementCoordinates(
      new globalThis.OpenSeadragon.Point(this.#photo.width_px, 0));
    const scale = (corner.x - origin.x) / this.#photo.width_px;
    this.view.setAttribute("transform", `translate(${origin.x} ${origin.y}) scale(${scale})`);
  }

  toggle(show) {
    this.svg.classList.toggle("is-hidden", !show);
  }
}
