/** Claims: while a person looks at a candidate, nobody else is offered it. */

import { API, ApiError, personHeader, request } from "./api.js";
import { _ } from "./i18n.js";

const HEARTBEAT_S = 60; // until the server has said what it wants
const SIGNS_OF_LIFE = ["keydown", "pointerdown", "pointermove", "wheel"];

/**
 * What this page holds. Shows the server that the person is still there, and lets go when the page
 * is left. Emits `lost` (detail: {candidateId, username}) where somebody else has a candidate now.
 */
export class ClaimKeeper extends EventTarget {
  #held = new Set();
  #holders = new Map(); // candidate id -> who else holds it
  #isActive = true;
  #timer = 0;

  constructor() {
    super();
    for (const name of SIGNS_OF_LIFE) {
      addEventListener(name, () => { this.#isActive = true; }, { passive: true, capture: true });
    }
    addEventListener("pagehide", () => this.#letGo());
    // Back from the browser's memory: what was let go may be somebody else's by now.
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    this.beatEvery(HEARTBEAT_S);
  }

  /** Show life every `seconds`, as the server wants it; not while nobody touches anything. */
  beatEvery(seconds) {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#beat(), seconds * 1000);
  }

  /** The server said that these are held. */
  note(candidateIds) {
    for (const id of candidateIds) {
      this.#held.add(id);
      this.#holders.delete(id);
    }
  }

  /** Decided: the server ended the claim with the decision. */
  forget(candidateId) {
    this.#held.delete(candidateId);
    this.#holders.delete(candidateId);
  }

  /** Who else holds a candidate, as far as it is known: {username, expires_at, mine: false}. */
  heldBy(candidateId) {
    return this.#holders.get(candidateId) ?? null;
  }

  /** Claim a candidate. Returns its claim; somebody else's where they were faster; null offline. */
  hold(candidateId) {
    return this.#claim(candidateId, false);
  }

  /** Take a candidate over from whoever holds it; for those who may arbitrate. */
  takeOver(candidateId) {
    return this.#claim(candidateId, true);
  }

  /** Let one candidate go. */
  async drop(candidateId) {
    if (!this.#held.delete(candidateId)) return;
    await request("POST", `/candidates/${candidateId}/release`).catch(() => {});
  }

  async #claim(candidateId, takesOver) {
    try {
      const claim = await request("POST", `/candidates/${candidateId}/claim`, { body: { take_over: takesOver } });
      this.note([candidateId]);
      return claim;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "claimed_by_other") return null;
      const holder = await readHolder(candidateId, error);
      this.#holders.set(candidateId, holder);
      return holder;
    }
  }

  async #beat() {
    if (!this.#isActive || this.#held.size === 0) return;
    this.#isActive = false;
    const answer = await request("POST", "/queue/heartbeat", { body: { held: [...this.#held].slice(-100).map(Number) } })
      .catch(() => null); // the next beat will tell
    for (const { candidate_id: id, username } of answer?.lost ?? []) {
      this.#held.delete(String(id));
      if (username) this.dispatchEvent(new CustomEvent("lost", { detail: { candidateId: String(id), username } }));
    }
  }

  #letGo() {
    if (this.#held.size === 0) return;
    const body = JSON.stringify({ candidate_ids: [...this.#held].slice(-100).map(Number) });
    fetch(`${API}/queue/release`, {
      method: "POST", keepalive: true, credentials: "same-origin", body,
      headers: { "Content-Type": "application/json", ...personHeader() },
    }).catch(() => {}); // then the leases end by themselves
  }
}

/** Show who else looks at a candidate, with a button for those who may take it over. */
export function paintHolder(element, holder, { mayTakeOver = false, onTakeOver = null } = {}) {
  const isOthers = Boolean(holder && !holder.mine);
  element.hidden = !isOthers;
  element.replaceChildren();
  if (!isOthers) return;
  const until = holder.expires_at ? new Date(holder.expires_at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }) : "";
  element.append(until
    ? _("{name} is looking at this one, until {time} at least. What you decide now is not taken.", { name: holder.username, time: until })
    : _("{name} is looking at this one. What you decide now is not taken.", { name: holder.username }));
  if (!mayTakeOver || !onTakeOver) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-small";
  button.textContent = _("Take over");
  button.addEventListener("click", onTakeOver);
  element.append(" ", button);
}

async function readHolder(candidateId, error) {
  const answer = await request("GET", `/candidates/${candidateId}/claim`).catch(() => null);
  return answer?.claim ?? { username: error.detail.split(" ")[0], expires_at: null, mine: false };
}
