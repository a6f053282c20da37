"""What other people's tools say of a finished run's folder.

Every raster must be a valid COG to rio-cogeo and open in GDAL with the names and colours of run.json; stac.json must be valid
to pystac, its checksums those of the files; the vector layers must open in ogrinfo; QGIS must show each class map with its
names and colours. What could not be looked at, as a tool or a schema was not there, is said, and only that.

    target/ecosystem/bin/python tests/ecosystem/judge.py FOLDER

Schemas of STAC's extensions come from the folder ALUNITE_STAC_SCHEMAS (projection-v2.0.0.json, ...; unless given, the one that
install.sh fills), else from the network.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
failures, unseen, seen = [], [], []


def check(true, what):
    (seen if true else failures).append(what)


def rasters(folder):
    from rio_cogeo.cogeo import cog_validate

    found = sorted(folder.glob("*.tif"))
    check(found, f"{len(found)} rasters")
    for raster in found:
        valid, errors, warnings = cog_validate(raster, strict=True)
        check(valid, f"{raster.name}: COG {'; '.join(errors + warnings)}")


def class_names(folder, run):
    import rasterio

    for method in run["maps"]:
        if not method["classes"]:
            continue
        path = folder / f"{method['method']}_classes.tif"
        with rasterio.open(path) as raster:
            table = raster.colormap(1) if raster.dtypes[0] == "uint8" else None
            counts = {value: 0 for value in range(65536)}
            for _, window in raster.block_windows(1):
                block = raster.read(1, window=window)
                for value in set(block.ravel().tolist()):
                    counts[value] += int((block == value).sum())
        for entry in method["classes"]:
            what = f"{path.name}: {entry['name']!r:.60}"
            check(counts[entry["value"]] == entry["pixels"], f"{what} has {entry['pixels']} pixels")
            if table:
                check(list(table[entry["value"]][:3]) == entry["color"], f"{what} has its colour")


def schema(uri):
    """A schema of an extension, from a folder or the network; None where neither has it."""
    import urllib.request

    extension, version = uri.split("/")[-3:-1]
    folder = os.environ.get("ALUNITE_STAC_SCHEMAS", Path(sys.prefix) / "schemas")
    path = Path(folder) / f"{extension}-{version}.json"
    if path.exists():
        return json.loads(path.read_text())
    try:
        with urllib.request.urlopen(uri, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def stac(folder):
    path = folder / "stac.json"
    if not path.exists():
        unseen.append("stac.json: the run has none")
        return
    import jsonschema
    import pystac
    from pystac.extensions.classification import ClassificationExtension
    from pystac.extensions.file import FileExtension
    from pystac.extensions.projection import ProjectionExtension
    from pystac.extensions.raster import RasterExtension
    from pystac.validation import validate_dict
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    text = json.loads(path.read_text())
    # The core's schemas come with pystac, those of extensions do not.
    try:
        validate_dict({**text, "stac_extensions": []}, validator=JsonSchemaSTACValidator())
        check(True, "stac.json: STAC core")
    except Exception as error:  # pystac wraps whatever the schema says
        check(False, f"stac.json: STAC core: {error}")
    for uri in text["stac_extensions"]:
        found = schema(uri)
        if found is None:
            unseen.append(f"schema of {uri}: no network")
            continue
        errors = [e.message[:200] for e in jsonschema.Draft7Validator(found).iter_errors(text)]
        check(not errors, f"stac.json: {uri} {errors}")
    item = pystac.Item.from_file(str(path))
    for key, asset in item.assets.items():
        file = folder / asset.href.split("/")[-1]
        facts = FileExtension.ext(asset)
        check(facts.size == file.stat().st_size, f"{key}: size")
        check(facts.checksum == "1220" + hashlib.sha256(file.read_bytes()).hexdigest(), f"{key}: sha2-256")
    placed = ProjectionExtension.ext(item)
    check(placed.code and placed.shape and placed.transform, "stac.json: pystac reads the projection")
    for key, asset in item.assets.items():
        if asset.media_type == pystac.MediaType.COG:
            check(RasterExtension.ext(asset).bands[0].data_type, f"{key}: pystac reads the bands")
        if key.endswith("_classes"):
            classes = ClassificationExtension.ext(asset).classes
            check(len(classes) >= 2 and all(c.name for c in classes), f"{key}: pystac reads {len(classes)} classes")


def vectors(folder):
    if not shutil.which("ogrinfo"):
        unseen.append("vector layers: no ogrinfo")
        return
    for layer in sorted(folder.glob("*.gpkg")) + sorted(folder.glob("*.geojson")):
        answer = subprocess.run(["ogrinfo", "-al", "-so", str(layer)], capture_output=True, text=True)
        check(answer.returncode == 0 and "Feature Count" in answer.stdout, f"{layer.name}: ogrinfo {answer.stderr[:200]}")


def qgis(folder):
    python = "/usr/bin/python3"
    found = subprocess.run([python, "-c", "import qgis.core"], capture_output=True)
    if found.returncode != 0:
        unseen.append("QGIS: python3-qgis is not installed")
        return
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": "/tmp"}
    answer = subprocess.run(
        [python, str(HERE / "qgis_shows.py"), str(folder)], capture_output=True, text=True, env=environment
    )
    check(answer.returncode == 0, f"QGIS: {answer.stdout.strip()[-600:]} {answer.stderr.strip()[-600:] if answer.returncode else ''}")


def main():
    folder = Path(sys.argv[1])
    run = json.loads((folder / "run.json").read_text())
    rasters(folder)
    class_names(folder, run)
    stac(folder)
    vectors(folder)
    qgis(folder)
    for what in failures:
        print(f"FAILED {what}")
    for what in unseen:
        print(f"not looked at: {what}")
    print(f"{len(seen)} checks held, {len(failures)} failed")
    sys.exit(1 if failures or not seen else 0)


if __name__ == "__main__":
    main()
