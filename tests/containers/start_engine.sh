#!/usr/bin/env bash
# A Docker engine and algokit's image for the container tests, without any registry of images: what CI runs (`make engine`).
# For Debian, as root. An engine that answers already is used as it is. Nothing of the machine's network is changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
place="${ALGOKIT_ENGINE:-/tmp/algokit-engine}"

if ! docker info > /dev/null 2>&1; then
  command -v dockerd > /dev/null || apt-get install -y --no-install-recommends docker.io > /dev/null ||
    { apt-get update > /dev/null && apt-get install -y --no-install-recommends docker.io > /dev/null; }
  mkdir -p "$place/bin"
  # With a program of this name an engine accepts requests for GPUs. It gives none: only the asking can be tested so.
  printf '#!/bin/sh\nexit 0\n' > "$place/bin/nvidia-container-runtime-hook"
  chmod +x "$place/bin/nvidia-container-runtime-hook"
  PATH="$place/bin:$PATH" setsid nohup dockerd --data-root "$place/data" --exec-root "$place/exec" \
    --pidfile "$place/dockerd.pid" --iptables=false --ip6tables=false --bridge=none --ip-forward=false \
    --ip-masq=false --storage-driver=overlay2 > "$place/dockerd.log" 2>&1 < /dev/null &
  for _ in $(seq 60); do docker info > /dev/null 2>&1 && break; sleep 0.5; done
  docker info > /dev/null 2>&1 || { echo "the engine did not start:" >&2; tail -20 "$place/dockerd.log" >&2; exit 1; }
fi

docker image inspect algokit-base:host > /dev/null 2>&1 ||
  python3 tests/containers/host_base_image.py | docker import - algokit-base:host > /dev/null
revision="$(git rev-parse HEAD 2> /dev/null || echo unknown)"
docker build . -t algokit --network=host --build-arg BASE_IMAGE=algokit-base:host --build-arg REVISION="$revision"
