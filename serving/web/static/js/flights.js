/** The list of flights: tells the server the reader's time zone, so that days are their days. */

const calendar = document.getElementById("calendar");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const YEAR_S = 365 * 24 * 3600;

/** The calendar again, with the days of the reader's own zone. */
async function refreshCalendar() {
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return; // the one that is shown is of the server's zone, and says days only
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("calendar");
  if (fresh) calendar.replaceChildren(...fresh.childNodes);
}

function tellZone() {
  const wanted = `hazardlens_zone=${encodeURIComponent(zone)}`;
  if (document.cookie.split("; ").includes(wanted)) return;
  document.cookie = `${wanted}; path=/; max-age=${YEAR_S}; samesite=lax`;
  if (calendar && calendar.dataset.zone !== zone) refreshCalendar();
}

// On a phone the calendar would push the list out of sight.
if (calendar && matchMedia("(max-width: 900px)").matches) calendar.querySelector("details").open = false;
if (zone) tellZone();
