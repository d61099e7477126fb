/** Merges and splits as requests for the outbox. */

/**
 * Merge `others` (items of the interface) and `candidate`. A decided one takes the rest, as no
 * decision may vanish; else `candidate` does. `state` is what the person saw of `candidate`.
 */
export function mergeRequest(candidate, state, others) {
  const seen = [{ id: candidate.id, revision: candidate.revision, state }, ...others];
  const target = seen.find((each) => each.state !== "pending") ?? seen[0];
  const rest = seen.filter((each) => each !== target);
  return {
    kind: "grouping",
    path: `/candidates/${target.id}/merge`,
    body: {
      revision: target.revision,
      expected_state: target.state,
      others: rest.map(({ id, revision }) => ({ id, revision })),
    },
    candidateIds: seen.map(({ id }) => String(id)),
  };
}

/** Split detections off `candidate`; `state` is what the person saw of it. */
export function splitRequest(candidate, state, detectionIds) {
  return {
    kind: "grouping",
    path: `/candidates/${candidate.id}/split`,
    body: { revision: candidate.revision, expected_state: state, sightings: detectionIds },
    candidateIds: [String(candidate.id)],
  };
}
