"""Copy the third-party scripts from ``node_modules`` to where the service serves them.

Run as ``python -m serving.web.vendor`` after ``npm ci --ignore-scripts``. The copies are not in
git; ``package-lock.json`` pins each by hash.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]
NODE_MODULES_DIR = PROJECT_DIR / "node_modules"
VENDOR_DIR = Path(__file__).resolve().parent / "static" / "vendor"

# Served name -> file inside node_modules. Licences travel with the code they cover.
VENDOR_FILES: dict[str, str] = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "openseadragon.min.js": "openseadragon/build/openseadragon/openseadragon.min.js",
    "openseadragon.LICENSE.txt": "openseadragon/LICENSE.txt",
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet.LICENSE.txt": "leaflet/LICENSE",
    "tus.min.js": "tus-js-client/dist/tus.min.js",
    "tus.LICENSE.txt": "tus-js-client/LICENSE",
    "exif-reader.js": "exifreader/dist/exif-reader.js",
    "exif-reader.LICENSE.txt": "exifreader/LICENSE",
    "noble/sha2.js": "@noble/hashes/sha2.js",
    "noble/_md.js": "@noble/hashes/_md.js",
    "noble/_u64.js": "@noble/hashes/_u64.js",
    "noble/utils.js": "@noble/hashes/utils.js",
    "noble/LICENSE.txt": "@noble/hashes/LICENSE",
    "images/layers.png": "leaflet/dist/images/layers.png",
    "images/layers-2x.png": "leaflet/dist/images/layers-2x.png",
    "images/marker-icon.png": "leaflet/dist/images/marker-icon.png",
}


def list_missing(vendor_dir: Path = VENDOR_DIR) -> list[str]:
    """Return the served names that set-up has not copied yet, in the order of the table."""
    return [name for name in VENDOR_FILES if not (vendor_dir / name).is_file()]


def copy_vendor_files(
    node_modules_dir: Path = NODE_MODULES_DIR, vendor_dir: Path = VENDOR_DIR
) -> int:
    """Copy every file of the table and return how many were copied.

    Raises:
        FileNotFoundError: a package is not installed; nothing has been copied then.
    """
    sources = {name: node_modules_dir / path for name, path in VENDOR_FILES.items()}
    absent = [str(path) for path in sources.values() if not path.is_file()]
    if absent:
        message = f"Run `npm ci --ignore-scripts` first: {', '.join(absent)} not found."
        raise FileNotFoundError(message)
    for name, source in sources.items():
        target = vendor_dir / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_bytes()
        # The maps are not served: a browser's tools would ask for them and get a 404.
        if target.suffix == ".js":
            text = _without_source_map(text)
        target.write_bytes(text)
    return len(sources)


def _without_source_map(script: bytes) -> bytes:
    lines = script.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def main() -> int:
    """Copy and report; the exit status is 1 where a package is missing."""
    try:
        count = copy_vendor_files()
    except FileNotFoundError as error:
        sys.stderr.write(f"vendor: {error}\n")
        return 1
    sys.stdout.write(f"vendor: {count} files in {VENDOR_DIR.relative_to(PROJECT_DIR)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
