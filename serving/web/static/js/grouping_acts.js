/** Merge, split and take back at the server: said once, whatever the link does. */

import { ApiError, request } from "./api.js";

const TRIES = 3;
const WAIT_MS = 1500;

/** Send an act under a name of its own: sent again after a lost answer, it is done once. */
async function send(path, body) {
  const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request("POST", path, { headers: { "Idempotency-Key": key }, body });
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isPassing || attempt === TRIES) throw error;
      await new Promise((resolve) => { setTimeout(resolve, WAIT_MS); });
    }
  }
}

/**
 * Merge `others` (items of the interface) and `candidate`. A decided one takes the rest, as no
 * decision may vanish; else `candidate` does. `state` is what the person saw of `candidate`.
 */
export function merge(candidate, state, others) {
  const seen = [{ id: candidate.id, revision: candidate.revision, state }, ...others];
  const target = seen.find((each) => each.state !== "pending") ?? seen[0];
  const rest = seen.filter((each) => each !== target);
  return send(`/candidates/${target.id}/merge`, {
    revision: target.revision,
    expected_state: target.state,
    others: rest.map(({ id, revision }) => ({ id, revision })),
  });
}

/** Split detections off `candidate`; `state` is what the person saw of it. */
export function split(candidate, state, detectionIds) {
  return send(`/candidates/${candidate.id}/split`, {
    revision: candidate.revision, expected_state: state, sightings: detectionIds,
  });
}

/** Take a merge or a split back. */
export function undoGrouping(groupingId) {
  return send(`/groupings/${groupingId}/undo`, {});
}
