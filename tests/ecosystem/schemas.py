"""Schemas of STAC's extensions as their servers gave them, from the tests' recordings in the source packages of pystac.

    target/ecosystem/bin/python tests/ecosystem/schemas.py PACKAGES FOLDER

PACKAGES holds the packages (.tar.gz). Each schema is written to FOLDER under the name that judge.py looks for.
"""

import gzip
import json
import sys
import tarfile
from pathlib import Path

import yaml


def recorded(package):
    """Address and body of every answer that the package's tests recorded."""
    with tarfile.open(package) as files:
        for member in files:
            if "/cassettes/" in member.name and member.name.endswith(".yaml"):
                for one in yaml.safe_load(files.extractfile(member))["interactions"]:
                    yield one["request"]["uri"], one["response"]["body"]["string"]


def main():
    packages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for package in sorted(packages.glob("*.tar.gz")):
        for uri, body in recorded(package):
            if not uri.startswith("https://stac-extensions.github.io/"):
                continue
            body = body.encode() if isinstance(body, str) else body
            body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
            schema = json.loads(body)
            if schema["$id"].rstrip("#") != uri:
                sys.exit(f"{package.name}: {uri} answered with {schema['$id']}")
            extension, version = uri.split("/")[-3:-1]
            (folder / f"{extension}-{version}.json").write_text(json.dumps(schema, indent=1))


if __name__ == "__main__":
    main()
