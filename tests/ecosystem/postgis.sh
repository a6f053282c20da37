#!/bin/sh
# Runs the tests of databases against a PostGIS server of their own on loopback, which goes when they end.
set -eu

port=${ALUNITE_POSTGIS_PORT:-54329}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "no PostgreSQL server is installed" >&2; exit 1; }

work=$(mktemp -d)
# The server refuses to run as root.
as_server=""
if [ "$(id -u)" = 0 ]; then
    chown postgres "$work"
    as_server="runuser -u postgres --"
fi
stop() {
    $as_server "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT INT TERM

cd "$work"
$as_server "$bin/initdb" -D "$work/data" -U alunite -A trust >/dev/null
$as_server "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$work" start >/dev/null
sql() { "$bin/psql" -q -h 127.0.0.1 -p "$port" -U alunite -d "$1" -c "$2" >/dev/null; }
sql postgres "CREATE DATABASE survey"
sql postgres "CREATE DATABASE bare"
sql survey "CREATE EXTENSION postgis"
cd - >/dev/null

ALUNITE_POSTGIS="host=127.0.0.1 port=$port user=alunite" cargo test --locked --test postgis -- --ignored --test-threads=1
