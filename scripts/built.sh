#!/usr/bin/env bash
# built.sh COMMAND...: runs it with the schedulers and simulators that it starts as processes built into dist/. They start
# in half the time, and are what users run. Types are checked by `npm run types`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
tsc -p tsconfig.build.json --noCheck
export DAEMON_SCHEDULER_BUILT=1
exec "$@"
