#!/bin/sh
# Installs what the ecosystem test judges with into target/ecosystem.
set -eu
cd "$(dirname "$0")/../.."
[ -x target/ecosystem/bin/python ] || python3 -m venv target/ecosystem
target/ecosystem/bin/pip install --quiet "rio-cogeo>=5" "pystac[validation]>=1.12"
