/**
 * The files of one upload: those that the person chose and those that the server knows of.
 *
 * States: reading (looked at before sending) -> waiting | left_out; waiting -> sending ->
 * checking -> accepted | rejected; failed (cannot be read any more); missing (announced before,
 * its bytes are only on the card: drop the folder again).
 */

import { kindOfPath } from "./file_kinds.js";

export const STATES = [
  "reading", "waiting", "missing", "sending", "checking", "accepted", "rejected", "failed", "left_out",
];
const SETTLED = new Set(["accepted", "rejected", "left_out"]);

function makeItem(path, size, file) {
  return {
    path, size, file, kind: kindOfPath(path), facts: null, outside: null, codes: [], choice: null,
    isLeftOut: false, isChecked: false, state: "reading", sent: 0, serverId: null, uploadUrl: null,
    sha256: null, wasSent: false, knownIn: [], isEntry: false, code: "", message: "", remedy: "",
  };
}

function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

export class UploadItems {
  list = [];
  #byPath = new Map();
  #byServerId = new Map();

  /** Take chosen files in; returns those that are new here or were missed before. */
  addFiles(files) {
    const added = [];
    for (const { file, path } of files) {
      const known = this.#byPath.get(`${path}\n${file.size}`) ?? this.#findMissing(path, file.size);
      if (known?.file) continue;
      const item = known ?? this.#keep(makeItem(path, file.size, file));
      Object.assign(item, { file, state: "reading", isChecked: false });
      added.push(item);
    }
    return added;
  }

  /** The item of a file that the server numbered, or null. */
  find(serverId) {
    return this.#byServerId.get(serverId) ?? null;
  }

  /** Take in what the server says of one file; returns its item. */
  adopt(answer) {
    let item = this.#byServerId.get(answer.id) ?? this.#byPath.get(`${answer.path}\n${answer.size_bytes}`);
    // The same path and size with other content is another file; it has a row of its own.
    if (!item || (item.serverId !== null && item.serverId !== answer.id)) {
      item = this.#keep(makeItem(answer.path, answer.size_bytes, null));
    }
    this.hear(item, answer);
    return item;
  }

  /** Write the server's answer into an item, whatever was said of it before. */
  hear(item, answer) {
    if (item.serverId !== null && item.serverId !== answer.id) this.#byServerId.delete(item.serverId);
    this.#byServerId.set(answer.id, item);
    Object.assign(item, {
      serverId: answer.id, uploadUrl: answer.upload_url, knownIn: answer.known_in ?? [],
      isEntry: answer.archive_id !== null && answer.archive_id !== undefined,
      code: answer.code ?? "", message: answer.message ?? "", remedy: answer.remedy ?? "",
      isChecked: true,
    });
    const isOpen = answer.state === "expected" || answer.state === "transferring";
    if (isOpen) {
      item.sent = answer.offset;
      if (!item.file) item.state = "missing";
      else if (item.state === "missing") item.state = "waiting";
    } else {
      item.sent = item.size;
      item.state = answer.state;
    }
  }

  /** How many are in each state. */
  count() {
    const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
    for (const item of this.list) counts[item.state] += 1;
    return counts;
  }

  /** Bytes over all files that are to be sent: in all, and at the server. */
  get bytes() {
    let total = 0;
    let sent = 0;
    for (const item of this.list) {
      if (item.isEntry || item.state === "left_out") continue;
      total += item.size;
      sent += SETTLED.has(item.state) ? item.size : item.sent;
    }
    return { total, sent };
  }

  #keep(item) {
    const key = `${item.path}\n${item.size}`;
    this.list.push(item);
    if (!this.#byPath.has(key)) this.#byPath.set(key, item);
    return item;
  }

  /** A missing file that was dropped from another folder than the first time. */
  #findMissing(path, size) {
    const name = nameOf(path);
    const found = this.list.filter((item) => item.state === "missing" && !item.file
      && item.size === size && nameOf(item.path) === name);
    return found.length === 1 ? found[0] : undefined;
  }
}
