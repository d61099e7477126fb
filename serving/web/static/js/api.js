/** Our HTTP interface, spoken with the session cookie. Errors are problem+json. */

import { _ } from "./i18n.js";

export const API = "/api/v1";

const SIGNED_OUT_CODES = new Set(["not_signed_in", "other_person_signed_in"]);
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

/** The error of a link that is down: nothing was answered. */
export function linkDown() {
  return new ApiError(0);
}

/**
 * Build an ApiError from a status and the text of a problem document. That nobody (or somebody
 * else) is signed in is also told to the page, as `signed-out`: it asks for the password.
 */
export function errorFromText(status, text) {
  let problem = {};
  try {
    problem = JSON.parse(text) || {};
  } catch {
    problem = status === 401 ? { code: "not_signed_in" }
      : { detail: _("The server answered with status {status}.", { status }) };
  }
  const error = new ApiError(status, problem);
  if (SIGNED_OUT_CODES.has(error.code)) {
    document.dispatchEvent(new CustomEvent("signed-out", { detail: error }));
  }
  return error;
}

/** Who opened this page: the server refuses if somebody else has signed in meanwhile. */
export function personHeader() {
  const { userId } = document.body.dataset;
  return userId ? { "HazardLens-User": userId } : {};
}

/** Send a request and return the JSON answer; throws ApiError. */
export async function request(method, path, { body, headers = {}, timeoutMs = 20_000 } = {}) {
  const options = {
    method,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...personHeader(), ...headers },
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
    throw linkDown();
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
