/** A few workers that hash files, so that the page stays quick meanwhile. */

const WORKERS = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));

/** The file cannot be read any more: the card was pulled out, or the file has changed. */
export class FileUnreadableError extends Error {}

class FileWorkers {
  #workers = [];
  #open = new Map();
  #count = 0;

  /** Run `task` (sha256 | checksum) on a file or part of one, on the next worker. */
  run(task, blob) {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#workerFor(id).postMessage({ id, task, blob });
    });
  }

  #workerFor(id) {
    const index = id % WORKERS;
    this.#workers[index] ??= this.#start();
    return this.#workers[index];
  }

  #start() {
    const worker = new Worker(new URL("./file_worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, answer, trouble } }) => {
      const { resolve, reject } = this.#open.get(id);
      this.#open.delete(id);
      if (trouble === undefined) resolve(answer);
      else reject(new FileUnreadableError(trouble));
    });
    return worker;
  }
}

const workers = new FileWorkers();

/** SHA-256 of a whole file as hex; throws FileUnreadableError. */
export const hashFile = (file) => workers.run("sha256", file);

/** SHA-256 of a part as base64, as the tus checksum wants it. */
export const checksumOf = (blob) => workers.run("checksum", blob);
