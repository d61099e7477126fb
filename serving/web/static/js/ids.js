/** Names of acts. */

/** An identifier that needs no secure context (crypto.randomUUID does). */
export function makeId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
}
