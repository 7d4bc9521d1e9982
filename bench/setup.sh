#!/bin/sh
# Installs what the bench needs: programs from Debian's packages, Python's into bench/.venv, better-sqlite3 for Node.
set -eu
cd "$(dirname "$0")/.."

missing=""
for pair in wrk:wrk nginx:nginx redis-server:redis-server gcc:gcc g++:g++ make:make node:nodejs npm:npm; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    echo "bench: installing$missing" >&2
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of packages
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi

./setup.sh bench/.venv bench/requirements.txt

# Where there is no built better-sqlite3 to be had, it is compiled; Node's own headers spare another download.
prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
[ -f "$prefix/include/node/node.h" ] && export npm_config_nodedir="$prefix"
cd bench/rivals/node
npm ci --no-audit --no-fund --loglevel=error
node -e 'new (require("better-sqlite3"))(":memory:")'
