#!/usr/bin/env bash
# npm run demo: what it needs, then the story of demo.ts. Arguments go through: `npm run demo -- --once`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/ensure.sh

ensure etcd redis-server

# The AWS SDK announces on each start when it will drop this version of Node; that is no part of the story.
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true

# On Linux the kernel ends the demo when npm dies in whatever way, and with it all it started.
if setpriv --pdeathsig TERM -- true 2>/dev/null; then
  exec setpriv --pdeathsig TERM -- node --import tsx scripts/demo.ts "$@"
fi
exec node --import tsx scripts/demo.ts "$@"
