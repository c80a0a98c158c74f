# docker build . -t algokit
# docker run --rm --gpus all algokit          says what it found, and what to type next
#
# BASE_IMAGE: any Debian-like image with Python 3.11 or newer and its venv module. The torch wheels carry CUDA, so none
# with CUDA in it is needed: the driver comes from the host (docker run --gpus all).
ARG BASE_IMAGE=python:3.11-slim

# What algokit needs, without algokit: a change of its code does not install torch again. The installer does not stay.
# Compiled now, because a container that cannot write to its root would compile it anew at every start.
FROM ${BASE_IMAGE} AS needs
WORKDIR /src
COPY pyproject.toml constraints.txt ./
RUN python3 -m venv /tmp/installer \
 && /tmp/installer/bin/pip install --no-cache-dir -c constraints.txt uv \
 && python3 -m venv --without-pip /opt/algokit \
 && /tmp/installer/bin/uv pip install --system-certs --no-cache --link-mode copy --compile-bytecode --python /opt/algokit/bin/python \
      -r pyproject.toml -c constraints.txt \
 && rm -rf /tmp/installer

FROM ${BASE_IMAGE} AS wheel
WORKDIR /src
RUN python3 -m venv /opt/builder
COPY pyproject.toml constraints.txt README.md LICENSE data_manifest.yaml ./
COPY recipes recipes
COPY algokit algokit
RUN /opt/builder/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM needs
COPY --from=wheel /wheel /wheel
RUN python3 -m venv /tmp/installer \
 && /tmp/installer/bin/pip --python /opt/algokit/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl \
 && /tmp/installer/bin/pip --python /opt/algokit/bin/python check \
 && rm -rf /tmp/installer /src
ENV PATH=/opt/algokit/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 \
    HF_HOME=/weights/huggingface TORCH_HOME=/weights/torch ALGOKIT_CACHE=/out/cache
# Fails the build where a package is missing or cannot be loaded.
RUN algokit doctor --store /tmp/store
COPY recipes /algokit/recipes
WORKDIR /algokit
USER 10001:10001
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="algokit" \
      org.opencontainers.image.description="From a YAML recipe to a scored submission for the Algonauts 2023 challenge" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["algokit"]
CMD ["welcome"]
