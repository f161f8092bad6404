# Sourced by demo.sh and test.sh. `ensure TOOL...` makes a fresh clone runnable: Node, node_modules, and the
# programs named, which come from the system's package manager when they are not on PATH.
# Works in the bash 3.2 of macOS too.

# Debian's etcd 3.4 refuses to start on ARM unless told that this is meant.
case "$(uname -m)" in
  aarch64 | arm64) export ETCD_UNSUPPORTED_ARCH=arm64 ;;
esac

ensure() {
  ensure_node
  ensure_modules
  ensure_tools "$@"
}

say() { printf '%s\n' "$*" >&2; }

stop_with() {
  say "$*"
  exit 1
}

ensure_node() {
  command -v node >/dev/null || stop_with "Node is not on PATH: install Node 20.19 or newer (https://nodejs.org)."
  node -e '
    const wanted = require("./package.json").engines.node.match(/\d+/g).map(Number);
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > wanted[0] || (major === wanted[0] && minor >= wanted[1]) ? 0 : 1);
  ' || stop_with "Node $(node --version) is too old: install Node 20.19 or newer (https://nodejs.org)."
}

# npm writes this file at the end of an installation that was not interrupted.
ensure_modules() {
  local installed=node_modules/.package-lock.json
  if [ -f "$installed" ] && [ ! package-lock.json -nt "$installed" ]; then return; fi
  local log
  log=$(mktemp)
  say "Installing node_modules by package-lock.json ..."
  # --include=dev: NODE_ENV=production would leave out what runs the commands.
  if ! npm ci --include=dev --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    stop_with "npm ci failed: see above."
  fi
  rm -f "$log"
}

ensure_tools() {
  local missing
  missing=$(missing_of "$@")
  if [ -n "$missing" ] && can_install; then
    install_tools $missing
    missing=$(missing_of "$@")
  fi
  [ -z "$missing" ] || stop_with "$(how_to_install $missing)"
}

# A tool counts when it runs: a shim of a version manager on PATH may have nothing behind it.
missing_of() {
  local tool
  for tool in "$@"; do
    runs "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
  done
}

runs() {
  case "$1" in
    # It does nothing that succeeds without a server.
    wrk) command -v wrk ;;
    # etcdctl has a command where others have a flag.
    *) "$1" --version || "$1" version ;;
  esac
}

# package_of DEBIAN|BREW|DNF TOOL
package_of() {
  case "$1 $2" in
    'debian etcd') echo etcd-server ;;
    'debian etcdctl') echo etcd-client ;;
    'debian aws' | 'brew aws') echo awscli ;;
    'brew etcdctl' | 'dnf etcdctl') echo etcd ;;
    'brew redis-server' | 'dnf redis-server') echo redis ;;
    'dnf aws') echo awscli2 ;;
    *) echo "$2" ;;
  esac
}

# packages_of DEBIAN|BREW|DNF TOOL...
packages_of() {
  local system=$1 tool package packages=
  shift
  for tool in "$@"; do
    package=$(package_of "$system" "$tool")
    case "$packages " in *" $package "*) ;; *) packages="$packages $package" ;; esac
  done
  echo "${packages# }"
}

can_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The programs are wanted, not the services that come with them: a policy keeps those from starting now (invoke-rc.d
# asks it), and they are disabled for the next boot. A policy that is there already stays, and so do services that were.
install_tools() {
  local packages log policy=/usr/sbin/policy-rc.d
  packages=$(packages_of debian "$@")
  log=$(mktemp)
  say "Installing $packages with apt-get ..."
  if [ -e "$policy" ]; then
    policy=
  else
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    trap 'as_root rm -f /usr/sbin/policy-rc.d; exit 130' INT TERM HUP
  fi
  # A failed update need not matter: the lists may be there already.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >"$log" 2>&1 || true
  # shellcheck disable=SC2086 # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends $packages \
    >>"$log" 2>&1 </dev/null || tail -n 5 "$log" >&2
  if [ -n "$policy" ]; then
    as_root rm -f "$policy"
    trap - INT TERM HUP
  fi
  if command -v systemctl >/dev/null; then
    case " $* " in *' redis-server '*) as_root systemctl disable redis-server >/dev/null 2>&1 || true ;; esac
    case " $* " in *' etcd '*) as_root systemctl disable etcd >/dev/null 2>&1 || true ;; esac
  fi
  rm -f "$log"
}

how_to_install() {
  echo "Missing on PATH: $*. Install with one of:" \
    "\`sudo apt-get install $(packages_of debian "$@")\`," \
    "\`brew install $(packages_of brew "$@")\`," \
    "\`sudo dnf install $(packages_of dnf "$@")\`;" \
    "or put programs you have on PATH: \`PATH=/where/they/are:\$PATH npm ...\`."
}
