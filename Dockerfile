# The agent's image: Node.js, one bundled file, and koffi's binary. No shell, no package
# manager, no npm.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/chrony-tracker:VERSION .
#
# Both bases are of Debian 12: Node.js is built there and runs there. Their defaults are pinned by
# tag (distroless has no other tag than the release of Debian). A release pins them by digest:
#   --build-arg NODE=docker.io/library/node:24.21.0-bookworm-slim@sha256:…
#   --build-arg RUNTIME=gcr.io/distroless/cc-debian12@sha256:…
# with what `docker buildx imagetools inspect IMAGE --format '{{.Manifest.Digest}}'` says.
ARG NODE=docker.io/library/node:24.21.0-bookworm-slim
ARG RUNTIME=gcr.io/distroless/cc-debian12

# Whatever is built for, the bundler runs natively.
FROM --platform=$BUILDPLATFORM ${NODE} AS build
ARG TARGETARCH
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# A mirror of the npm registry, where one is needed: --secret id=npmrc,src=$HOME/.npmrc
# First the packages of the platform that is built for, of which koffi's binary is taken.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    cpu=$(echo "$TARGETARCH" | sed 's/^amd64$/x64/') && \
    npm ci --omit=dev --ignore-scripts --os=linux --cpu="$cpu" --libc=glibc && \
    mv node_modules/@koromix / && \
    npm ci --ignore-scripts && \
    rm -rf node_modules/@koromix && \
    mv /@koromix node_modules/
COPY tools/bundle.ts tools/
COPY src src
# It fails when the binary is not there. No env is in the image to find node: the first line names it.
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
# On purpose: the agent becomes the user that owns chronyd's directory, who differs from node to node,
# and needs the capabilities SETUID and SETGID for that, nothing else. Any other user works, too,
# where it is that owner.
USER 0:0
# A small heap: what the agent keeps for long is little. (V8's --optimize-for-size saved nothing more
# when it was measured, and cost a third more CPU.) One thread, because V8's helpers are woken for less
# work than waking them costs: a sixth of the CPU at the defaults. chrony-tracker without these is on the path, for
# `kubectl exec POD -- chrony-tracker status`.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--max-old-space-size=32", "--single-threaded", "/usr/local/bin/chrony-tracker"]
