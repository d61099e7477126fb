/**
 * What a file says of itself in its first and last bytes. The server reads the same and more
 * (detection/ingest); this only has to be right early. Not in a worker: XMP needs DOMParser.
 */

import "../vendor/exif-reader.js";

const HEAD_BYTES = 256 * 1024;
const TAIL_BYTES = 64 * 1024;
const NULL_ISLAND_DEG = 1e-4; // as detection/ingest/pose.py
const JPEG_END = [0xff, 0xd9];
const PNG_END = [0x49, 0x45, 0x4e, 0x44]; // IEND
const MAGIC = [
  ["jpeg", [0xff, 0xd8]],
  ["png", [0x89, 0x50, 0x4e, 0x47]],
  ["tiff", [0x49, 0x49, 0x2a, 0x00]],
  ["tiff", [0x4d, 0x4d, 0x00, 0x2a]],
  ["zip", [0x50, 0x4b, 0x03, 0x04]],
];
// Height above the take-off point and angles of the camera, whoever's names they are.
const HEIGHT_TAGS = /(^|[:.])(RelativeAltitude|AboveGroundAltitude)$/i;
const PITCH_TAGS = /(^|[:.])(GimbalPitchDegree|CameraPitchDegree|Pitch|CameraOrientationNED\.Pitch)$/i;
const LON_TAGS = /^GpsLong(t)?itude$/i; // some DJI firmware misspells it
const LAT_TAGS = /^GpsLatitude$/i;
const YAW_TAGS = /(^|[:.])(GimbalYawDegree|CameraYawDegree|Yaw|CameraOrientationNED\.Yaw)$/i;

function startsWith(bytes, magic) {
  return magic.every((byte, index) => bytes[index] === byte);
}

function holds(bytes, wanted) {
  const last = bytes.length - wanted.length;
  for (let at = last; at >= 0; at -= 1) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

async function readBytes(file, start, end) {
  return new Uint8Array(await file.slice(start, end).arrayBuffer());
}

function numberOf(tags, pattern) {
  const name = Object.keys(tags ?? {}).find((each) => pattern.test(each));
  const value = name === undefined ? NaN : Number.parseFloat(tags[name]?.value ?? tags[name]?.description);
  return Number.isFinite(value) ? value : null;
}

/** "2026:03:01 10:20:30" as milliseconds of a clock without a zone, or null. */
function readClock(text) {
  const parts = /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)/.exec(text ?? "");
  if (!parts || Number(parts[1]) < 1990) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function readTags(head) {
  try {
    return globalThis.ExifReader.load(head.buffer, { expanded: true });
  } catch {
    return {}; // no metadata, or broken: the photo itself may be whole
  }
}

function factsFromTags({ exif = {}, xmp = {}, gps = {} }) {
  const lon = Number.isFinite(gps.Longitude) ? gps.Longitude : numberOf(xmp, LON_TAGS);
  const lat = Number.isFinite(gps.Latitude) ? gps.Latitude : numberOf(xmp, LAT_TAGS);
  const yaw = numberOf(xmp, YAW_TAGS);
  const pitch = numberOf(xmp, PITCH_TAGS);
  return {
    lon, lat,
    isNullIsland: lon !== null && lat !== null && Math.max(Math.abs(lon), Math.abs(lat)) <= NULL_ISLAND_DEG,
    heightM: numberOf(xmp, HEIGHT_TAGS),
    hasAngles: yaw !== null && pitch !== null,
    // DJI also writes angles into its MakerNote, which only the server reads.
    mayHaveAngles: exif.MakerNote !== undefined,
    takenMs: readClock(exif.DateTimeOriginal?.description ?? exif.DateTime?.description),
    camera: exif.Model?.description ?? "",
  };
}

async function isWhole(file, format) {
  if (format !== "jpeg" && format !== "png") return true;
  const tail = await readBytes(file, Math.max(0, file.size - TAIL_BYTES), file.size);
  return holds(tail, format === "jpeg" ? JPEG_END : PNG_END);
}

/**
 * {format, isWhole, lon, lat (degrees or null), isNullIsland, heightM, hasAngles, mayHaveAngles,
 * takenMs, camera}; `format` is null where the bytes are of no known kind. Throws where the file
 * cannot be read (card pulled out).
 */
export async function readFacts(file) {
  const head = await readBytes(file, 0, HEAD_BYTES);
  const format = MAGIC.find(([, magic]) => startsWith(head, magic))?.[0] ?? null;
  if (format === null || format === "zip") return { format, isWhole: true };
  return { format, isWhole: await isWhole(file, format), ...factsFromTags(readTags(head)) };
}
