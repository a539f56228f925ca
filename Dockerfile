# One image for every process: `serve web`, `serve pci`, `serve worker`, and the release step `migrate`.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
# The base image's release fixes the versions; a rebuild brings security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv /opt/paybycall \
    && /opt/paybycall/bin/pip install --no-cache-dir --require-hashes --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY flows flows
COPY gateways gateways
COPY ivr ivr
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
    && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/build/wheels . \
    && /opt/paybycall/bin/pip install --no-cache-dir --no-deps --no-index /opt/build/wheels/*.whl \
    && /opt/paybycall/bin/pip uninstall --yes pip

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin paybycall
COPY --from=build /opt/paybycall /opt/paybycall
ENV PATH=/opt/paybycall/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0
USER 10001:10001
WORKDIR /
# web listens on 8000, pci on 8001, worker (health and metrics) on 8002. compose.yaml has a health check for each process.
EXPOSE 8000 8001 8002
ENTRYPOINT ["paybycall"]
CMD ["--help"]
