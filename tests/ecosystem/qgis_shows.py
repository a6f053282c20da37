"""Whether QGIS opens the class maps of a run with the names and colours of run.json, without being told how."""

import json
import os
import sys
from pathlib import Path

from qgis.core import QgsApplication, QgsPalettedRasterRenderer, QgsRasterLayer

folder = Path(sys.argv[1])
application = QgsApplication([], False)
application.initQgis()
wrong, looked_at = [], 0
for method in json.loads((folder / "run.json").read_text())["maps"]:
    if not method["classes"]:
        continue
    name = f"{method['method']}_classes.tif"
    layer = QgsRasterLayer(str(folder / name), name)
    renderer = layer.renderer()
    if not layer.isValid() or not isinstance(renderer, QgsPalettedRasterRenderer):
        wrong.append(f"{name}: not a valid layer of classes")
        continue
    shown = {int(c.value): (c.label, [c.color.red(), c.color.green(), c.color.blue()]) for c in renderer.classes()}
    for entry in method["classes"]:
        looked_at += 1
        label, color = shown.get(entry["value"], (None, None))
        # A legend has one line.
        expected = " ".join(entry["name"].split())
        if label is None or " ".join(label.split()) != expected or color != entry["color"]:
            wrong.append(f"{name}: class {entry['value']} is {label!r:.60} in {color}")
print("\n".join(wrong) or f"{looked_at} classes with their names and colours", flush=True)
# QGIS frees layers twice when Python ends before it; all is said by now.
os._exit(1 if wrong or not looked_at else 0)
