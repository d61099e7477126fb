/** Files out of a drop or a file field, folders walked, each with its path in the folder. */

// What file managers leave behind in folders; nobody means to upload it.
const LITTER = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX\/.*)$/i;

function readEntries(reader) {
  return new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
}

function fileOf(entry) {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

async function* walk(entry) {
  if (entry.isFile) {
    yield { file: await fileOf(entry), path: entry.fullPath.replace(/^\//, "") };
    return;
  }
  const reader = entry.createReader();
  // A reader hands out at most 100 entries at a time, an empty list at the end.
  for (let batch = await readEntries(reader); batch.length > 0; batch = await readEntries(reader)) {
    for (const child of batch) yield* walk(child);
  }
}

/** Every file of a drop event, as {file, path}. The entries must be taken before any await. */
export async function filesFromDrop(dataTransfer) {
  const entries = [...dataTransfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.())
    .filter(Boolean);
  const found = [];
  for (const entry of entries) {
    for await (const item of walk(entry)) found.push(item);
  }
  return found.filter(({ path }) => !LITTER.test(path));
}

/** Every file of a file field, as {file, path}. */
export function filesFromField(field) {
  return [...field.files]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ path }) => !LITTER.test(path));
}
