# The agent's image: Node.js, one bundled file, and koffi's binary. No shell, no package
# manager, no npm.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/chrony-tracker:VERSION .
#
# Both base images are Debian 12, because the C library that Node.js is built with must be the one that it
# runs with. The defaults are pinned by tag (distroless has a tag per Debian release only). A release pins
# them by digest, which `docker buildx imagetools inspect IMAGE --format '{{.Manifest.Digest}}'` prints:
#   --build-arg NODE=docker.io/library/node:24.21.0-bookworm-slim@sha256:…
#   --build-arg RUNTIME=gcr.io/distroless/cc-debian12@sha256:…
ARG NODE=docker.io/library/node:24.21.0-bookworm-slim
ARG RUNTIME=gcr.io/distroless/cc-debian12

# The bundler runs natively, whatever the target platform is.
FROM --platform=$BUILDPLATFORM ${NODE} AS build
ARG TARGETARCH
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# If you need a mirror of the npm registry: --secret id=npmrc,src=$HOME/.npmrc
# First the packages of the target platform are installed, because koffi's binary is taken from them.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    cpu=$(echo "$TARGETARCH" | sed 's/^amd64$/x64/') && \
    npm ci --omit=dev --ignore-scripts --os=linux --cpu="$cpu" --libc=glibc && \
    mv node_modules/@koromix / && \
    npm ci --ignore-scripts && \
    rm -rf node_modules/@koromix && \
    mv /@koromix node_modules/
COPY tools/bundle.ts tools/
COPY src src
# It fails when the binary is missing. The first line names node by its path, because the image has no `env`.
RUN node tools/bundle.ts && \
    mkdir -p /image/usr/local/bin /image/usr/local/lib && \
    mv dist /image/usr/local/lib/chrony-tracker && \
    sed -i '1s|.*|#!/usr/local/bin/node|' /image/usr/local/lib/chrony-tracker/chrony-tracker.cjs && \
    chmod 755 /image/usr/local/lib/chrony-tracker/chrony-tracker.cjs && \
    ln -s ../lib/chrony-tracker/chrony-tracker.cjs /image/usr/local/bin/chrony-tracker

FROM ${NODE} AS node

FROM ${RUNTIME}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="Chrony Tracker" \
      org.opencontainers.image.description="How wrong can the clock of this node be, right now?" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image/ /
# Intentionally root: the agent drops its privileges and becomes the owner of chronyd's directory, which is
# not the same user on every node. For that it needs the capabilities SETUID and SETGID only. Another user
# works as well if it is that owner.
USER 0:0
# A small heap, because the agent keeps little for long. (Measured: V8's --optimize-for-size saved no memory
# and used a third more CPU.) One thread, because waking V8's helper threads costs more than they save: a
# sixth of the CPU at the defaults. `kubectl exec POD -- chrony-tracker status` runs without these options.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--max-old-space-size=32", "--single-threaded", "/usr/local/bin/chrony-tracker"]
