/** What the upload pages ask of a flight: make one, submit it. */

import { request } from "./api.js";

/** Open a flight; returns its number. */
export async function makeFlight({ name, kind, site, views }) {
  const body = { name, kind };
  if (site) body.site = site;
  if (views) body.views = Number(views);
  return String((await request("POST", "/flights", { body })).id);
}

/** Hand the flight to detection; open files stop it unless they are left out on purpose. */
export function submitFlight(flightId, { leaveOutOpen = false } = {}) {
  const body = leaveOutOpen ? { leave_out_open: true } : {};
  return request("POST", `/flights/${flightId}/submit`, { body });
}
