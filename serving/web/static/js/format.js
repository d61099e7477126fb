/** Numbers as people read them, in the page's language. */

import { _, language } from "./i18n.js";

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** Format a number of bytes: 1536 -> "1.5 KB". */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

/** Format a duration in seconds coarsely; people plan by it, they do not time by it. */
export function formatDuration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return _("{count} s", { count: Math.max(1, Math.round(seconds)) });
  if (seconds < 3600) return _("{count} min", { count: Math.round(seconds / 60) });
  const hours = Math.floor(seconds / 3600);
  return _("{hours} h {minutes} min", { hours, minutes: Math.round((seconds % 3600) / 60) });
}

/** Half the 95 % interval of a normal error; one too small to be shown is not shown as none. */
export function errorAt95(std, decimals = 1) {
  return Math.max(1.96 * std, 10 ** -decimals).toFixed(decimals);
}

/** Format a score in [0, 1]; one that only rounding makes 0 or 1 is shown as near it. */
export function formatScore(score) {
  if (score > 0.99 && score < 1) return "> 0.99";
  return score > 0 && score < 0.01 ? "< 0.01" : score.toFixed(2);
}

/** Format an instant in the reader's own time zone. */
function formatInstant(iso) {
  const instant = new Date(iso);
  if (Number.isNaN(instant.getTime())) return iso;
  return new Intl.DateTimeFormat(language, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    hour12: false,
  }).format(instant);
}

/** Rewrite every `time[data-local]` below `root` from UTC to the reader's zone. */
export function localizeTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    element.textContent = formatInstant(element.dateTime);
    element.removeAttribute("data-local");
  }
}

/** Rate over the last seconds of a growing total, and the time that the rest needs. */
export class RateMeter {
  #samples = [];

  constructor(windowMs = 12_000) {
    this.windowMs = windowMs;
  }

  /** Note the total at `nowMs`. */
  add(total, nowMs) {
    this.#samples.push({ total, nowMs });
    while (this.#samples.length > 2 && this.#samples[0].nowMs < nowMs - this.windowMs) {
      this.#samples.shift();
    }
  }

  /** Units per second, 0 where nothing moved yet. */
  get perSecond() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || last.nowMs - first.nowMs < 500) return 0;
    return Math.max(0, ((last.total - first.total) * 1000) / (last.nowMs - first.nowMs));
  }

  /** Seconds for `remaining` units at the present rate; Infinity where the rate is 0. */
  secondsFor(remaining) {
    return this.perSecond > 0 ? remaining / this.perSecond : Infinity;
  }
}
