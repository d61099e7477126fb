/** What a file is, by its name: the server reads the same suffixes. */

const KINDS = {
  photo: /\.(jpe?g|jpe|png|tiff?)$/i,
  video: /\.(mp4|mov|m4v|mkv|avi)$/i,
  subtitles: /\.srt$/i,
  track: /\.(mrk|gpx)$/i,
  archive: /\.zip$/i,
};

/** photo | video | subtitles (the track of a video) | track | archive | other */
export function kindOfPath(path) {
  return Object.keys(KINDS).find((kind) => KINDS[kind].test(path)) ?? "other";
}

/** "DCIM/DJI_0001.MP4" -> "DCIM/dji_0001": a video and its subtitles share it. */
export function stemOfPath(path) {
  const slash = path.lastIndexOf("/") + 1;
  return path.slice(0, slash) + path.slice(slash).toLowerCase().replace(/\.[^.]*$/, "");
}
