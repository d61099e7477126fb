/** The photo at full resolution: deep zoom, box and outline over it, no smoothing above 100 %. */

import { _ } from "./i18n.js";
import { OutlineLayer } from "./outline_layer.js";

const OpenSeadragon = globalThis.OpenSeadragon;
const CONTEXT = 3.2; // first view: the box with this many box sizes around it
const MIN_CONTEXT_PX = 480; // and never closer than this many photo pixels
const MIN_ZOOM_RATIO = 0.8; // of the zoom that shows the whole photo

/** A tile source for one photo of ours (level 0 is the smallest), or for a picture of one piece. */
export function tileSource(photo) {
  if (photo.image_url) return { type: "image", url: photo.image_url };
  return {
    width: photo.width_px,
    height: photo.height_px,
    tileSize: photo.tile_px,
    tileOverlap: photo.overlap_px ?? 0,
    minLevel: photo.min_level ?? 0,
    maxLevel: photo.max_level,
    getTileUrl: (level, x, y) => photo.tiles_url
      .replace("{level}", level).replace("{x}", x).replace("{y}", y),
  };
}

/** The square of photo pixels that the first look shows: the box with its surroundings. */
function firstLook(photo, [xMin, yMin, xMax, yMax]) {
  const least = Math.min(MIN_CONTEXT_PX, Math.max(photo.width_px, photo.height_px));
  const size = Math.max((xMax - xMin) * CONTEXT, (yMax - yMin) * CONTEXT, least);
  return { x: (xMin + xMax - size) / 2, y: (yMin + yMax - size) / 2, size };
}

/**
 * Have the tiles of the first look at a sighting cut and sent while the person still looks at
 * another one. `shownPx` is how large the photo will stand on the screen.
 */
export function warmPhoto({ photo, bbox_xyxy: box }, shownPx = Math.min(innerWidth, innerHeight)) {
  const { x, y, size } = firstLook(photo, box);
  const stepsDown = Math.max(0, Math.floor(Math.log2(size / (shownPx * devicePixelRatio))));
  const tile = photo.tile_px * 2 ** stepsDown;
  const level = photo.max_level - stepsDown;
  const [right, bottom] = [Math.min(x + size, photo.width_px), Math.min(y + size, photo.height_px)];
  for (let row = Math.max(0, Math.floor(y / tile)); row * tile < bottom; row += 1) {
    for (let column = Math.max(0, Math.floor(x / tile)); column * tile < right; column += 1) {
      new Image().src = tileSource(photo).getTileUrl(level, column, row);
    }
  }
}

export class PhotoViewer extends EventTarget {
  #viewer;
  #box = null;
  #rings = [];
  #overlay = null;
  #outline;
  #showBox = true;
  #isOpen = false; // the first tiles may be drawn before the first view is set

  /**
   * Emits `open` when a photo was put in and `move` when it lies elsewhere on the screen;
   * `data-sharp` on the element tells whether every tile of the present view is there.
   */
  constructor(element, zoomLabel, outlineSvg) {
    super();
    this.element = element;
    this.zoomLabel = zoomLabel;
    this.#viewer = OpenSeadragon({
      element,
      prefixUrl: "",
      drawer: "canvas",
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: "BOTTOM_RIGHT",
      navigatorSizeRatio: 0.16,
      animationTime: 0.2,
      springStiffness: 12,
      maxZoomPixelRatio: 16,
      minZoomImageRatio: MIN_ZOOM_RATIO,
      visibilityRatio: 0.4,
      immediateRender: false,
      imageLoaderLimit: 6,
      timeout: 60_000,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
    });
    this.#viewer.canvas.append(outlineSvg);
    this.#outline = new OutlineLayer(outlineSvg);
    // Our own keys work wherever the focus is; two sets would fight over the arrows.
    this.#viewer.innerTracker.keyDownHandler = null;
    this.#viewer.innerTracker.keyHandler = null;
    this.#viewer.addHandler("animation", () => this.#noteZoom());
    this.#viewer.addHandler("animation-finish", () => this.#noteZoom());
    this.#viewer.addHandler("resize", () => this.#noteZoom());
    this.#viewer.addHandler("update-viewport", () => {
      this.#outline.follow(this.#image);
      this.dispatchEvent(new Event("move"));
    });
    this.#viewer.addHandler("open", () => this.#onOpen());
    this.#viewer.addHandler("open-failed", () => this.#sayFailure());
    this.#viewer.addHandler("tile-load-failed", () => this.#sayFailure());
    this.#viewer.addHandler("tile-drawn", () => {
      element.classList.toggle("has-pixels", this.#isOpen);
    });
  }

  /**
   * Show `photo` with the box `[x_min, y_min, x_max, y_max]` and the outline, a ring of `[x, y]`
   * for each of its pieces, in photo pixels.
   */
  open(photo, bboxXyxy, rings) {
    this.#box = bboxXyxy;
    this.#rings = rings;
    this.#outline.clear();
    this.photo = photo;
    this.#isOpen = false;
    this.element.classList.remove("has-pixels", "has-failed", "is-empty");
    this.element.dataset.sharp = "no";
    this.dispatchEvent(new Event("open"));
    this.element.setAttribute("aria-label", _("Photo {name}, zoomable", { name: photo.name }));
    this.#viewer.open(tileSource(photo));
  }

  /** Show nothing: there is no photo. */
  clear() {
    this.#isOpen = false;
    this.#outline.clear();
    this.#viewer.close();
    this.element.classList.remove("has-pixels", "has-failed");
    this.element.classList.add("is-empty");
  }

  /** Zoom to the box with its surroundings. */
  showBoxArea({ immediately = false } = {}) {
    if (!this.#isOpen) return;
    const { x, y, size } = firstLook(this.photo, this.#box);
    this.#viewer.viewport.fitBounds(
      this.#image.imageToViewportRectangle(x, y, size, size), immediately);
  }

  /** Zoom out to the whole photo. */
  showWhole() {
    if (this.#isOpen) this.#viewer.viewport.goHome();
  }

  /** Zoom by `factor` around the middle. */
  zoomBy(factor) {
    if (!this.#isOpen) return;
    this.#viewer.viewport.zoomBy(factor);
    this.#viewer.viewport.applyConstraints();
  }

  /** Show one photo pixel as one screen pixel. */
  showNative() {
    if (!this.#isOpen) return;
    this.#viewer.viewport.zoomTo(this.#nativeZoom);
  }

  /** Hide or show the box and the outline; returns whether they show now. */
  toggleBox(show = !this.#showBox) {
    this.#showBox = show;
    this.#outline.toggle(show);
    this.#overlay?.classList.toggle("is-hidden", !show);
    return show;
  }

  /** Whether the box and the outline are shown. */
  get showsBox() {
    return this.#showBox;
  }

  /** Whether a photo is in. */
  get isOpen() {
    return this.#isOpen;
  }

  /** Where a point of the photo stands on the element, in CSS pixels. */
  toElement(x, y) {
    return this.#image.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
  }

  /** Which point of the photo stands at a point of the element, in photo pixels. */
  toPhoto(x, y) {
    return this.#image.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
  }

  /** Let the mouse move and zoom the photo, or not, while something else takes it. */
  setMovable(isMovable) {
    this.#viewer.setMouseNavEnabled(isMovable);
  }

  destroy() {
    this.#viewer.destroy();
  }

  /** The zoom at which one photo pixel is one screen pixel. */
  get #nativeZoom() {
    return this.#image.imageToViewportZoom(1 / devicePixelRatio);
  }

  get #image() {
    return this.#viewer.world.getItemAt(0);
  }

  #onOpen() {
    this.#isOpen = true;
    const image = this.#image;
    const noteSharp = () => {
      if (image === this.#image) this.element.dataset.sharp = image.getFullyLoaded() ? "yes" : "no";
    };
    image.addHandler("fully-loaded-change", noteSharp);
    const { viewport } = this.#viewer;
    // A photo smaller than the window may be shrunk to its own pixels all the same.
    viewport.minZoomLevel = Math.min(
      viewport.getHomeZoom() * MIN_ZOOM_RATIO, this.#nativeZoom);
    const [xMin, yMin, xMax, yMax] = this.#box;
    this.#viewer.clearOverlays();
    this.#overlay = document.createElement("div");
    this.#overlay.className = "photo-box";
    this.#overlay.classList.toggle("is-beside-outline", this.#rings.length > 0);
    this.#viewer.addOverlay({
      element: this.#overlay,
      location: this.#image.imageToViewportRectangle(xMin, yMin, xMax - xMin, yMax - yMin),
    });
    this.#outline.draw(this.photo, this.#rings);
    this.toggleBox(this.#showBox);
    this.showBoxArea({ immediately: true });
    this.#noteZoom();
  }

  #noteZoom() {
    if (!this.#image) return;
    const zoom = this.#image.viewportToImageZoom(this.#viewer.viewport.getZoom(true)) * devicePixelRatio;
    // The zoom glides to its end and stays a hair away from it: the label and the smoothing
    // follow the same rounded figure.
    const percent = Math.round(zoom * 100);
    // Above 100 % a photo pixel is a square on the screen: smoothing would invent detail.
    this.#viewer.drawer.setImageSmoothingEnabled(percent <= 100);
    this.zoomLabel.textContent = `${percent} %`;
  }

  #sayFailure() {
    this.element.classList.add("has-failed");
  }
}
