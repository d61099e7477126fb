/** A worker that hashes files: SHA-256 in JavaScript, because plain http has no crypto.subtle. */

import { sha256 } from "../vendor/noble/sha2.js";

const SLICE_BYTES = 4 * 1024 * 1024;

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

async function digest(blob) {
  const hash = sha256.create();
  for (let start = 0; start < blob.size; start += SLICE_BYTES) {
    hash.update(new Uint8Array(await blob.slice(start, start + SLICE_BYTES).arrayBuffer()));
  }
  return hash.digest();
}

const TASKS = {
  sha256: async (blob) => hex(await digest(blob)),
  checksum: async (blob) => base64(await digest(blob)),
};

addEventListener("message", async ({ data: { id, task, blob } }) => {
  try {
    postMessage({ id, answer: await TASKS[task](blob) });
  } catch (error) {
    postMessage({ id, trouble: `${error.name}: ${error.message}` });
  }
});
