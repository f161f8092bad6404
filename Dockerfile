# syntax=docker/dockerfile:1
# Two stages: what builds the scheduler stays behind; the image holds Node, tini, the built files and their dependencies.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY sim sim
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
# Node is no init: tini passes signals on and reaps.
RUN apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /var/output/logs && chown node:node /var/output/logs
WORKDIR /app
COPY --from=build --chown=root:root /build/package.json ./
COPY --from=build --chown=root:root /build/node_modules node_modules
COPY --from=build --chown=root:root /build/dist dist
# A worker's memory. V8 lets its young generation grow to 130 MB otherwise, and more than 8 MB made nothing quicker. glibc would keep
# large blocks that were freed once, as it raises its thresholds with them: 30 MB.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=8 \
    GLIBC_TUNABLES=glibc.malloc.mmap_threshold=65536:glibc.malloc.trim_threshold=65536:glibc.malloc.arena_max=2 \
    DS_BIND=0.0.0.0:2000 \
    DS_METRICS_BIND=0.0.0.0:9464
USER node
VOLUME /var/output/logs
EXPOSE 2000 9464
# Every role answers here, a worker too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/bin/tini", "--", "node", "dist/bin/daemon-scheduler.js"]
CMD ["serve"]
