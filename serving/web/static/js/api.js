/** Our HTTP interface, spoken with the session cookie. Errors are problem+json. */

import { _ } from "./i18n.js";

export const API = "/api/v1";

const problemTexts = JSON.parse(document.getElementById("problems")?.textContent || "{}");

/** Text and remedy for a problem or failure `code`, in the page's language where we know it. */
export function describeProblem(code, detail = "", remedy = "") {
  const known = problemTexts[code];
  return { message: known?.message || detail || code, remedy: known?.remedy || remedy || "" };
}

/** A refusal by the service (`status` > 0) or a link that is down (`status` 0). */
export class ApiError extends Error {
  constructor(status, problem = {}) {
    const code = problem.code || (status === 0 ? "offline" : `http_${status}`);
    const { message, remedy } = describeProblem(code, problem.detail || problem.title, problem.remedy);
    super(message);
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.detail = problem.detail || "";
  }

  /** Whether the same request may succeed later without anybody changing anything. */
  get isPassing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Build an ApiError from a status and the text of a problem document. */
export function errorFromText(status, text) {
  let problem = {};
  try {
    problem = JSON.parse(text) || {};
  } catch {
    problem = { detail: _("The server answered with status {status}.", { status }) };
  }
  return new ApiError(status, problem);
}

/** Send a request and return the JSON answer; throws ApiError. */
export async function request(method, path, { body, headers = {}, timeoutMs = 20_000 } = {}) {
  const options = {
    method,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...headers },
    signal: AbortSignal.timeout(timeoutMs),
  };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(API + path, options);
  } catch {
    throw new ApiError(0);
  }
  const text = await response.text();
  if (!response.ok) throw errorFromText(response.status, text);
  return text ? JSON.parse(text) : null;
}

/** Follow `next_cursor` and yield every item of a list, at most `limit`. */
export async function* listAll(path, limit = 10_000) {
  let cursor = null;
  let count = 0;
  do {
    const glue = path.includes("?") ? "&" : "?";
    const page = await request("GET", cursor ? `${path}${glue}cursor=${encodeURIComponent(cursor)}` : path);
    for (const item of page.items) {
      yield item;
      count += 1;
      if (count >= limit) return;
    }
    cursor = page.next_cursor;
  } while (cursor);
}
