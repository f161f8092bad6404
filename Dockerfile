# syntax=docker/dockerfile:1
# Two stages: what builds the scheduler stays behind; the image holds Node, tini, the built files and their dependencies.

FROM node:24-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY sim sim
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-alpine
# Node is no init: tini passes signals on and reaps.
RUN apk add --no-cache tini && mkdir -p /var/output/logs && chown node:node /var/output/logs
WORKDIR /app
COPY --from=build --chown=root:root /build/package.json ./
COPY --from=build --chown=root:root /build/node_modules node_modules
COPY --from=build --chown=root:root /build/dist dist
# A small young generation: V8 lets it grow to 130 MB otherwise, and a worker's memory with it. Twice as much made nothing quicker.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=8 \
    DS_BIND=0.0.0.0:2000 \
    DS_METRICS_BIND=0.0.0.0:9464
USER node
VOLUME /var/output/logs
EXPOSE 2000 9464
# Every role answers here, a worker too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/sbin/tini", "--", "node", "dist/bin/daemon-scheduler.js"]
CMD ["serve"]
