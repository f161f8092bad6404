#!/usr/bin/env bash
# npm test: what the tests need (they start their own etcd and Redis; some run the AWS CLI and etcdctl), then all of them.
# Arguments go to vitest: `npm test -- test/planner`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/ensure.sh

ensure etcd etcdctl redis-server aws wrk

exec bash scripts/built.sh vitest run "$@"
