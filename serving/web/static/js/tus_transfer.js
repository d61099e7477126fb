/** One file over tus 1.0.0: chunks with their SHA-256, from where the server stands. */

import { API, ApiError, errorFromText, linkDown, personHeader } from "./api.js";
import { FileUnreadableError, checksumOf } from "./file_workers.js";

const MB = 1024 * 1024;
const STALL_MS = 60_000;
// Answers after which asking for the offset and going on is all that is needed.
const GO_ON = new Set([409, 423, 460]);
const GO_ON_MS = [0, 500, 2000];

/** How much goes into one request: less where the link breaks often, more where it holds. */
export class ChunkPace {
  bytes = 4 * MB;

  shrink() {
    this.bytes = Math.max(MB / 4, this.bytes / 2);
  }

  grow() {
    this.bytes = Math.min(8 * MB, this.bytes * 2);
  }
}

function errorOf(error) {
  if (error.causingError instanceof FileUnreadableError) return error.causingError;
  const answer = error.originalResponse;
  if (!answer) return error.originalRequest ? linkDown() : error;
  return errorFromText(answer.getStatus(), answer.getBody() ?? "");
}

/** The browser's file as tus metadata; the server finds the announced file by path and size. */
function describe(item) {
  return {
    filename: item.path,
    filetype: item.file.type || "application/octet-stream",
    sha256: item.sha256,
    mtime: new Date(item.file.lastModified).toISOString(),
  };
}

/** Every chunk carries its checksum: with one, it counts whole or not at all. */
async function addChecksum(request, upload) {
  if (request.getMethod() !== "PATCH") return;
  const start = Number(request.getHeader("Upload-Offset"));
  const chunk = upload.file.slice(start, start + upload.options.chunkSize);
  request.setHeader("Upload-Checksum", `sha256 ${await checksumOf(chunk)}`);
}

/**
 * Send what is missing of `item.file`; `onProgress` hears the bytes that are there. Throws
 * ApiError: of status 0 where the link broke, else the server's refusal.
 */
export function transfer(item, { flightId, pace, onProgress }) {
  return new Promise((resolve, reject) => {
    let watchdog = 0;
    const settle = (finish, value) => {
      clearTimeout(watchdog);
      finish(value);
    };
    const rearm = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        upload.abort().finally(() => settle(reject, linkDown()));
      }, STALL_MS);
    };
    const upload = new globalThis.tus.Upload(item.file, {
      endpoint: `${location.origin}${API}/flights/${flightId}/uploads`,
      uploadUrl: item.uploadUrl ? new URL(item.uploadUrl, location.origin).href : null,
      metadata: describe(item),
      headers: personHeader(),
      chunkSize: pace.bytes,
      storeFingerprintForResuming: false, // the server knows what it holds
      retryDelays: GO_ON_MS,
      onShouldRetry: (error) => GO_ON.has(error.originalResponse?.getStatus() ?? 0)
        && errorOf(error).code !== "file_already_here" && errorOf(error).code !== "flight_not_open",
      onBeforeRequest: (request) => addChecksum(request, upload),
      onProgress: (sent) => {
        rearm();
        onProgress(sent);
      },
      onChunkComplete: () => {
        pace.grow();
        upload.options.chunkSize = pace.bytes;
      },
      onSuccess: () => settle(resolve),
      onError: (error) => {
        const told = errorOf(error);
        if (told instanceof ApiError && told.status === 0) pace.shrink();
        settle(reject, told);
      },
    });
    rearm();
    upload.start();
  });
}
