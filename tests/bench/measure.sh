#!/bin/sh
# Measures the service against bare pgbench on the same machine in the same run, and prints a line for each figure.
#
#   tests/bench/measure.sh PART…      parts: load filing page scale idle backup (see docs/performance.md)
#
# MEMBERS (1000000)  members of the country      SECONDS_EACH (20)  how long each thing is measured
# BIN (target/release/zhuanjie)                  WORK (a new temporary directory, removed afterwards)
# SCALES ("100000 1000000 10000000")             sizes compared by `scale`
#
# Everything it starts listens on loopback or on a socket, lives in WORK, and is stopped at the end. PostgreSQL runs as
# installed: durable, nothing tuned.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
BIN=${BIN:-$here/../../target/release/zhuanjie}
MEMBERS=${MEMBERS:-1000000}
SECONDS_EACH=${SECONDS_EACH:-20}
SCALES=${SCALES:-"100000 1000000 10000000"}
WORK=${WORK:-$(mktemp -d)}
POSTGRES=${POSTGRES:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
server=
chmod 711 "$WORK"

cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ ! -e "$WORK/data/postmaster.pid" ] || as_postgres "$POSTGRES/pg_ctl" stop -D "$WORK/data" -m fast >/dev/null || true
    rm -rf "$WORK"
}
trap cleanup EXIT INT TERM

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then (cd "$WORK" && runuser -u postgres -- "$@"); else "$@"; fi
}

cluster() {
    [ ! -d "$WORK/data" ] || return 0
    mkdir "$WORK/data" "$WORK/socket"
    [ "$(id -u)" != 0 ] || chown postgres "$WORK/data" "$WORK/socket"
    as_postgres "$POSTGRES/initdb" -D "$WORK/data" -U postgres -A trust >/dev/null
    as_postgres "$POSTGRES/pg_ctl" start --wait --silent -D "$WORK/data" -l "$WORK/data/log" \
        -o "-c listen_addresses= -k $WORK/socket" >/dev/null
}

psql_in() { psql -X -q -h "$WORK/socket" -U postgres -v ON_ERROR_STOP=1 "$@"; }
postgres_url() { echo "postgres:///$1?host=$WORK/socket&user=postgres"; }

keys() {
    [ -e "$WORK/keys" ] || "$BIN" keys > "$WORK/keys"
    set -a; . "$WORK/keys"; set +a
}

# load ENGINE MEMBERS: names the database in DATABASE_URL and fills it unless it is there.
load() {
    keys
    if [ "$1" = sqlite ]; then
        export DATABASE_URL="sqlite://$WORK/$2.sqlite"
        [ ! -e "$WORK/$2.sqlite" ] || return 0
    else
        cluster
        export DATABASE_URL="$(postgres_url "country_$2")"
        psql_in -c "CREATE DATABASE country_$2" postgres 2>/dev/null || return 0
    fi
    printf 'load, %s, %s members: ' "$1" "$2"
    "$BIN" bench load --members "$2" 2>/dev/null
    [ "$1" = sqlite ] || psql_in -c 'VACUUM ANALYZE' "country_$2"
}

serve() {
    RUST_LOG=warn,zhuanjie::cli=info "$BIN" serve --listen 127.0.0.1:0 --files "$WORK/files" 2> "$WORK/serve.log" &
    server=$!
    base=
    while [ -z "$base" ]; do
        kill -0 "$server" || { cat "$WORK/serve.log" >&2; exit 1; }
        base=$(sed -n 's/.*listening on \(http:[^,]*\).*/\1/p' "$WORK/serve.log")
        sleep 0.05
    done
}

stop() { kill "$server"; wait "$server" || true; server=; }

# play MIX CONCURRENCY PART: the kit's table, also in $WORK/table.
play() {
    "$BIN" bench run --url "$base" --mix "$1" --concurrency "$2" --part "$3" --seconds "$SECONDS_EACH" --unverified \
        2>/dev/null | tee "$WORK/table"
}

# What was done a second, in all: from the kit's table, or from pgbench.
per_second() { awk '$1 == "all" { print $3 }' "$WORK/table"; }
tps() { sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$WORK/pgbench"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / b }'; }

# bare FILE CLIENTS DATABASE VARIABLE…: pgbench, prepared.
bare() {
    file=$1 clients=$2 database=$3
    shift 3
    pgbench -n -h "$WORK/socket" -U postgres -M prepared -c "$clients" -j 2 -T "$SECONDS_EACH" -f "$here/$file" "$@" \
        "$database" > "$WORK/pgbench" 2>&1
}

part_load() { load sqlite "$MEMBERS"; load postgres "$MEMBERS"; }

# 16 clients, before and after ours: the machine may not be the same all the time.
part_filing() {
    cluster
    load postgres "$MEMBERS"; load sqlite "$MEMBERS"
    psql_in -c 'CREATE DATABASE bare' postgres
    psql_in -v members="$MEMBERS" -f "$here/bare.sql" bare
    for engine in sqlite postgres; do
        bare filing.sql 16 bare -D members="$MEMBERS"; before=$(tps)
        load "$engine" "$MEMBERS"; serve
        play file_by_source=1 16 0
        stop
        bare filing.sql 16 bare -D members="$MEMBERS"; after=$(tps)
        echo "filing, $engine: $(ratio "$(per_second)" "$(ratio "$(awk -v a="$before" -v b="$after" 'BEGIN { print a + b }')" 2)") times bare pgbench ($before and $after a second)"
    done
}

part_page() {
    cluster
    load postgres "$MEMBERS"; load sqlite "$MEMBERS"
    first=$(psql_in -At -c 'SELECT min(branch_id) FROM members' "country_$MEMBERS")
    last=$(psql_in -At -c 'SELECT max(branch_id) FROM members' "country_$MEMBERS")
    for engine in sqlite postgres; do
        bare page.sql 32 "country_$MEMBERS" -D first="$first" -D last="$last"; before=$(tps)
        load "$engine" "$MEMBERS"; serve
        play members=1 32 0
        stop
        echo "member page, $engine: $(ratio "$(per_second)" "$before") times bare pgbench ($before a second), p99 $(awk '$1 == "all" { printf "%.1f", $5 / $4 }' "$WORK/table") times p50"
    done
}

# Each at eight clients, so that it is the work that is measured and not the queue.
part_scale() {
    for engine in ${ENGINES:-sqlite postgres}; do
        for members in $SCALES; do
            load "$engine" "$members"; serve
            echo "scale, $engine, $members members"
            play 'file_by_source=4,approve=4,assign=4,inbox=2,search=2,list=2' 8 0
            stop
            [ -n "${KEEP:-}" ] || rm -f "$WORK/$members.sqlite"*
            [ "$engine" = sqlite ] || psql_in -c "DROP DATABASE country_$members" postgres
        done
    done
}

resident() { awk '/VmRSS/ { printf "%.0f MB\n", $2 / 1024 }' "/proc/$server/status"; }

part_idle() {
    load sqlite "$MEMBERS"
    begun=$(date +%s%N); serve; ready=$(date +%s%N)
    echo "start on an existing database: $(( (ready - begun) / 1000000 )) ms"
    sleep 2
    echo "idle: $(resident)"
    # A thousand connections that each asked once and stay open.
    "$BIN" bench run --url "$base" --mix inbox=1 --concurrency 1000 --seconds 5 --warm-up 5 --unverified >/dev/null 2>&1 &
    player=$!
    sleep 8
    echo "1,000 connections: $(resident)"
    wait "$player" || true
    stop
}

part_backup() {
    load sqlite "$MEMBERS"; serve
    "$BIN" bench run --url "$base" --seconds 60 --unverified >/dev/null 2>&1 &
    player=$!
    sleep 3
    "$BIN" backup --to "$WORK/backup.sqlite"
    wait "$player" || true
    stop
    DATABASE_URL="sqlite://$WORK/backup.sqlite" "$BIN" verify
}

for part in "$@"; do "part_$part"; done
