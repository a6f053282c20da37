#!/bin/sh
# Installs what the ecosystem test judges with into target/ecosystem.
set -eu
cd "$(dirname "$0")/../.."
[ -x target/ecosystem/bin/python ] || python3 -m venv target/ecosystem
target/ecosystem/bin/pip install --quiet "rio-cogeo>=5" "pystac[validation]>=1.12" pyyaml

# Schemas of STAC's extensions come with no package that is installed, but source packages hold what their servers answered.
# Those that are not among them come from the network.
target/ecosystem/bin/pip download --quiet --no-deps --no-binary :all: --dest target/ecosystem/sources \
    pystac-ext-classification==2.0.1 pystac-ext-file==2.1.1 pystac-ext-projection==2.0.1 pystac-ext-raster==1.1.1
target/ecosystem/bin/python tests/ecosystem/schemas.py target/ecosystem/sources target/ecosystem/schemas
