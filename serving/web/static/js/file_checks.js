/** What is wrong with one file, told before a byte is sent. Codes are those of the server. */

/** A file with one of these is no use to the server: it is left out unless somebody insists. */
export const USELESS = new Set([
  "empty_file", "unsupported_file", "not_an_image", "file_too_large", "unreadable_file",
  "duplicate_photo",
]);

/** The server refuses these by name without a byte of theirs; then the receipt names them, too. */
export const NAMED_BY_SERVER = new Set(["empty_file", "unsupported_file", "file_too_large"]);

/** The code of what needs no look inside the file, or null. `limits` = {photo, archive} in bytes. */
export function checkOutside(item, limits) {
  if (item.kind === "other") return "unsupported_file";
  if (item.size === 0) return "empty_file";
  const isBig = item.kind === "archive" || item.kind === "video";
  return item.size > (isBig ? limits.archive : limits.photo) ? "file_too_large" : null;
}

/** Codes of a photo (or archive) whose first and last bytes were read. */
export function checkInside(item, facts, flightKind) {
  if (item.kind === "archive") return facts.format === "zip" ? [] : ["unreadable_archive"];
  if (item.kind !== "photo") return [];
  if (facts.format === null || facts.format === "zip") return ["not_an_image"];
  const codes = facts.isWhole ? [] : ["truncated_image"];
  if (facts.isNullIsland) codes.push("null_island");
  else if (facts.lon === null || facts.lat === null) codes.push("no_position");
  if (facts.takenMs === null) codes.push("no_time");
  if (flightKind === "street") return codes; // a car looks level and has no gimbal
  if (facts.heightM === null) codes.push("no_altitude");
  if (!facts.hasAngles && !facts.mayHaveAngles) codes.push("no_attitude");
  return codes;
}
