/**
 * A table of thousands of rows of which only those in sight are in the page. Every row has the
 * same height (the style sheet sees to it), so that the place of each is known without it.
 */

const SPARE_ROWS = 8;
const GUESSED_ROW_PX = 36;

export class VirtualRows {
  #items = [];
  #rows = new Map();
  #rowPx = GUESSED_ROW_PX;
  #isPlanned = false;

  /** `frame` scrolls, `body` is its tbody, between two others; `fill(row, item)` paints a row. */
  constructor({ frame, body, fill }) {
    this.frame = frame;
    this.body = body;
    this.fill = fill;
    this.above = body.previousElementSibling;
    this.below = body.nextElementSibling;
    frame.addEventListener("scroll", () => this.#plan(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(frame);
  }

  /** Show these items from now on; where the person has scrolled to stays. */
  show(items) {
    this.#items = items;
    this.body.closest("table").setAttribute("aria-rowcount", String(items.length + 1));
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#paint();
  }

  /** Paint an item again, if it is in sight. */
  refresh(item) {
    const row = this.#rows.get(item);
    if (row) this.fill(row, item);
  }

  #plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => {
      this.#isPlanned = false;
      this.#paint();
    });
  }

  /** Learn the height of a row; a turned phone has another one. */
  #measure() {
    const row = this.body.rows[0];
    const height = row?.getBoundingClientRect().height ?? 0;
    if (height > 0) this.#rowPx = height;
    this.#paint();
  }

  #paint() {
    const first = Math.max(0, Math.floor(this.frame.scrollTop / this.#rowPx) - SPARE_ROWS);
    const count = Math.ceil(this.frame.clientHeight / this.#rowPx) + 2 * SPARE_ROWS;
    const shown = this.#items.slice(first, first + count);
    this.#dropOthers(new Set(shown));
    shown.forEach((item, index) => this.#place(item, index, first));
    this.#pad(this.above, first);
    this.#pad(this.below, this.#items.length - first - shown.length);
    const height = this.body.rows[0]?.getBoundingClientRect().height ?? 0;
    if (height > 0 && Math.abs(height - this.#rowPx) > 0.5) {
      this.#rowPx = height;
      this.#plan();
    }
  }

  #dropOthers(kept) {
    for (const [item, row] of this.#rows) {
      if (kept.has(item)) continue;
      row.remove();
      this.#rows.delete(item);
    }
  }

  #place(item, index, first) {
    let row = this.#rows.get(item);
    if (!row) {
      row = document.createElement("tr");
      this.#rows.set(item, row);
      this.fill(row, item);
    }
    row.setAttribute("aria-rowindex", String(first + index + 2));
    if (this.body.rows[index] !== row) this.body.insertBefore(row, this.body.rows[index] ?? null);
  }

  #pad(section, rows) {
    section.hidden = rows <= 0;
    section.rows[0].cells[0].style.height = `${Math.max(0, rows) * this.#rowPx}px`;
  }
}
