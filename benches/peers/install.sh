#!/bin/sh
# Makes the virtual environment of the rivals, target/peers. A rival that cannot be downloaded is left out, and said so:
# the benches leave out its rows.
set -eu
cd "$(dirname "$0")/../.."
peers=target/peers

[ -x $peers/bin/pip ] || python3 -m venv $peers

install() {
    what=$1
    shift
    $peers/bin/pip install --quiet --disable-pip-version-check "$@" || echo "left out: $what cannot be installed" >&2
}

install "numpy, Spectral Python and pysptools" -r benches/peers/requirements.txt
if command -v nvidia-smi >/dev/null 2>&1; then
    install "torch for CUDA" -r benches/peers/requirements-torch.txt
    install "CuPy" -r benches/peers/requirements-cuda.txt
else
    # The index of wheels for CPUs alone is a tenth of the size; where it cannot be reached, the ordinary wheel does as well.
    $peers/bin/pip install --quiet --disable-pip-version-check --retries 1 -r benches/peers/requirements-torch.txt \
        --index-url https://download.pytorch.org/whl/cpu || install "torch" -r benches/peers/requirements-torch.txt
fi
