#!/bin/sh
# Compares the service with bare pgbench on the same machine in the same run, and prints a line for each figure.
#
#   tests/bench/measure.sh PART…      parts: load proposal page scale idle backup jobs (see docs/performance.md)
#
# MEMBERS (1000000)  members of the country      SECONDS_EACH (20)  how long each measurement takes
# ENGINES ("sqlite postgres")                    BIN (target/production/zhuanjie)
# SCALES ("100000 10000000")                     sizes compared by `scale`
# RATE (100)  requests a second of `scale`       JOB_RATE (50)      of `jobs`
# JOB_MEMBERS (3500000) BRANCHES (100000) CASES (1000000)           what `jobs` finds to do
# WORK (a new temporary directory)               databases and logs: an existing directory is not removed
#
# Everything it starts listens on loopback or on a socket, keeps its files in WORK, and is stopped at the end. PostgreSQL
# runs as installed: durable and not tuned. Any error ends the run with a message and status 1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
BIN=${BIN:-$here/../../target/production/zhuanjie}
BENCH=$BIN-bench
MEMBERS=${MEMBERS:-1000000}
SECONDS_EACH=${SECONDS_EACH:-20}
ENGINES=${ENGINES:-"sqlite postgres"}
SCALES=${SCALES:-"100000 10000000"}
RATE=${RATE:-100}
JOB_RATE=${JOB_RATE:-50}
JOB_MEMBERS=${JOB_MEMBERS:-3500000}
BRANCHES=${BRANCHES:-100000}
CASES=${CASES:-1000000}
POSTGRES=${POSTGRES:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
if [ -n "${WORK:-}" ]; then mkdir -p "$WORK"; rubbish=; else WORK=$(mktemp -d); rubbish=$WORK; fi
server=
player=
chmod 711 "$WORK"

cleanup() {
    [ -z "$player" ] || kill "$player" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ ! -e "$WORK/data/postmaster.pid" ] || as_postgres "$POSTGRES/pg_ctl" stop -D "$WORK/data" -m fast >/dev/null || true
    [ -z "$rubbish" ] || rm -rf "$rubbish"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# die WHAT LOG…: ends the run with what went wrong and the last lines of the logs.
die() {
    echo "measure.sh: $1" >&2
    shift
    for log in "$@"; do [ ! -e "$log" ] || tail -n 20 "$log" >&2; done
    exit 1
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then (cd "$WORK" && runuser -u postgres -- "$@"); else "$@"; fi
}

cluster() {
    [ ! -e "$WORK/data/postmaster.pid" ] || return 0
    if [ ! -d "$WORK/data" ]; then
        mkdir "$WORK/data" "$WORK/socket"
        [ "$(id -u)" != 0 ] || chown postgres "$WORK/data" "$WORK/socket"
        as_postgres "$POSTGRES/initdb" -D "$WORK/data" -U postgres -A trust >/dev/null
    fi
    as_postgres "$POSTGRES/pg_ctl" start --wait --silent -D "$WORK/data" -l "$WORK/data/log" \
        -o "-c listen_addresses= -k $WORK/socket" >/dev/null || die "PostgreSQL does not start" "$WORK/data/log"
}

psql_in() { PGOPTIONS="-c client_min_messages=warning" "$POSTGRES/psql" -X -q -h "$WORK/socket" -U postgres -v ON_ERROR_STOP=1 "$@"; }
is_there() { [ "$(psql_in -At -c "SELECT count(*) FROM pg_database WHERE datname = '$1'" postgres)" = 1 ]; }

# url ENGINE NAME: a database's address.
url() {
    if [ "$1" = sqlite ]; then echo "sqlite://$WORK/$2.sqlite"; else echo "postgres:///$2?host=$WORK/socket&user=postgres"; fi
}

# The settings that the service uses for the embedded engine (src/db/connection.rs).
PRAGMAS='PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA mmap_size = 1073741824; PRAGMA wal_autocheckpoint = 8192;'

# sql ENGINE NAME STATEMENTS: runs them with the durability of the service itself.
sql() {
    if [ "$1" = sqlite ]; then
        printf '.timeout 30000\n.output /dev/null\n%s\n.output stdout\n%s\n' "$PRAGMAS" "$3" | sqlite3 -bail -batch "$WORK/$2.sqlite"
    else
        printf '%s\n' "$3" | psql_in -At "$2"
    fi
}

# copy ENGINE FROM TO: copies a database without connections.
copy() {
    if [ "$1" = sqlite ]; then
        # Rows that are still in the log would not be copied.
        sql sqlite "$2" 'PRAGMA wal_checkpoint(TRUNCATE);' >/dev/null
        cp "$WORK/$2.sqlite" "$WORK/$3.sqlite"
    else
        psql_in -c "CREATE DATABASE $3 TEMPLATE $2 STRATEGY file_copy" postgres
    fi
}

# drop ENGINE NAME
drop() {
    if [ "$1" = sqlite ]; then rm -f "$WORK/$2.sqlite"*; else psql_in -c "DROP DATABASE IF EXISTS $2" postgres; fi
}

keys() {
    [ -e "$WORK/keys" ] || "$BIN" keys > "$WORK/keys"
    set -a; . "$WORK/keys"; set +a
}

# load ENGINE MEMBERS: sets DATABASE_URL to the database, and fills it unless it exists.
load() {
    keys
    [ "$1" = sqlite ] || cluster
    DATABASE_URL=$(url "$1" "country_$2"); export DATABASE_URL
    if [ "$1" = sqlite ]; then
        [ ! -e "$WORK/country_$2.sqlite" ] || return 0
    else
        ! is_there "country_$2" || return 0
        psql_in -c "CREATE DATABASE country_$2" postgres
    fi
    "$BENCH" load --members "$2" > "$WORK/load" 2> "$WORK/load.log" || die "the country is not loaded" "$WORK/load.log"
    echo "load, $1, $2 members: $(cat "$WORK/load")"
    [ "$1" = sqlite ] || psql_in -c 'VACUUM ANALYZE' "country_$2"
}

now() { date +%s%N; }
# Milliseconds since an instant.
since() { echo $(( ($(now) - $1) / 1000000 )); }

# serve OPTION…: starts the service on DATABASE_URL and waits until it listens. Requests are counted against the account's
# budget as always, but the budget is large enough: a few players send as many requests as thousands of people.
serve() {
    # Otherwise the address of the last server would be found in the log.
    : > "$WORK/serve.log"
    RUST_LOG=warn,zhuanjie::cli=info,zhuanjie::jobs=info "$BIN" serve --listen 127.0.0.1:0 --files "$WORK/files" \
        --account-budget 1000000000 --address-connections 0 --drain 0 "$@" 2> "$WORK/serve.log" &
    server=$!
    base=
    while [ -z "$base" ]; do
        kill -0 "$server" 2>/dev/null || { server=; die "the server ended" "$WORK/serve.log"; }
        base=$(sed -n 's/.*listening on \(http:[^,]*\).*/\1/p' "$WORK/serve.log")
        sleep 0.01
    done
}

stop() { kill "$server"; wait "$server" || true; server=; }

# play OPTION…: prints the load generator's table. A run with an error or a refusal, or without answers, is no measurement.
play() {
    RUST_LOG=warn "$BENCH" run --url "$base" --unverified "$@" > "$WORK/table" 2> "$WORK/play.log" \
        || die "the players gave up" "$WORK/table" "$WORK/play.log" "$WORK/serve.log"
    played
}

played() {
    cat "$WORK/table"
    ! grep -q -e '^error:' -e '^shed' "$WORK/table" || die "not everything was answered" "$WORK/play.log" "$WORK/serve.log"
    [ "$(column all 2)" -gt 0 ] || die "nothing was answered" "$WORK/play.log" "$WORK/serve.log"
}

# column OPERATION NUMBER [TABLE]: a figure of the table: 2 the count, 3 the rate a second, 4 the p50, 5 the p99.
column() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' "${3:-$WORK/table}"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 == 0) exit 1; printf "%.2f\n", a / b }' || die "nothing to compare with"; }
mean() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f\n", (a + b) / 2 }'; }

# settle DATABASE…: lets PostgreSQL finish its background work, so that a measurement does not include earlier work.
settle() {
    for database in "$@"; do psql_in -c 'VACUUM ANALYZE' "$database"; done
    psql_in -c CHECKPOINT postgres
}

# rest ENGINE NAME: the same for either engine: earlier writes are on the disk.
rest() { if [ "$1" = sqlite ]; then sync "$WORK/$2.sqlite"; else settle "$2"; fi; }

# bare FILE CLIENTS DATABASE VARIABLE…: sets $tps to the transactions a second of pgbench with prepared statements.
bare() {
    file=$1 clients=$2 database=$3
    shift 3
    settle "$database"
    "$POSTGRES/pgbench" -n -h "$WORK/socket" -U postgres -M prepared -c "$clients" -j 2 -T "$SECONDS_EACH" -f "$here/$file" "$@" \
        "$database" > "$WORK/pgbench" 2>&1 || die "pgbench failed" "$WORK/pgbench"
    tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$WORK/pgbench")
    [ -n "$tps" ] || die "pgbench did nothing" "$WORK/pgbench"
}

part_load() { for engine in $ENGINES; do load "$engine" "$MEMBERS"; done; }

# 16 clients, before and after ours, because the machine may not be equally quick all the time.
part_proposal() {
    part_load
    cluster
    is_there bare || { psql_in -c 'CREATE DATABASE bare' postgres; psql_in -v members="$MEMBERS" -f "$here/bare.sql" bare; }
    for engine in $ENGINES; do
        load "$engine" "$MEMBERS"
        bare proposal.sql 16 bare -D members="$MEMBERS"; before=$tps
        settle bare
        rest "$engine" "country_$MEMBERS"
        serve
        play --mix file_by_source=1 --concurrency 16 --members 400000 --seconds "$SECONDS_EACH"
        stop
        bare proposal.sql 16 bare -D members="$MEMBERS"; after=$tps
        echo "proposal, $engine: $(ratio "$(column all 3)" "$(mean "$before" "$after")") times bare pgbench ($before and $after a second)"
    done
}

# Either engine against the same pgbench: 32 clients and the page's own query, for branches with members.
part_page() {
    load postgres "$MEMBERS"
    database=country_$MEMBERS
    first=$(psql_in -At -c 'SELECT min(branch_id) FROM members' "$database")
    last=$(psql_in -At -c 'SELECT max(branch_id) FROM members' "$database")
    psql_in -At -c "SELECT 'of the organizations pgbench asks for, ' || round(100.0 * count(DISTINCT m.branch_id) / count(DISTINCT o.id)) \
        || ' % are branches with members' FROM organizations o LEFT JOIN members m ON m.branch_id = o.id \
        WHERE o.id BETWEEN $first AND $last" "$database"
    for engine in $ENGINES; do
        load "$engine" "$MEMBERS"
        bare page.sql 32 "$database" -D first="$first" -D last="$last"; before=$tps
        serve
        play --mix members=1 --concurrency 32 --seconds "$SECONDS_EACH"
        stop
        bare page.sql 32 "$database" -D first="$first" -D last="$last"; after=$tps
        echo "member page, $engine: $(ratio "$(column all 3)" "$(mean "$before" "$after")") times bare pgbench ($before and $after a second)," \
            "p99 $(ratio "$(column all 5)" "$(column all 4)") times p50"
    done
}

# At a low rate, so that the work is measured and not a queue. An assignment needs an approval, and an approval needs a
# proposal, so they are played in equal shares.
part_scale() {
    for engine in $ENGINES; do
        for members in $SCALES; do
            load "$engine" "$members"
            rest "$engine" "country_$members"
            serve
            echo "scale, $engine, $members members, $RATE requests a second"
            play --mix file_by_source=1,approve=1,assign=1,inbox=1,search=1,list=1 --rate "$RATE" --warm-up 10 \
                --seconds $((SECONDS_EACH * 3))
            cp "$WORK/table" "$WORK/scale_$members"
            stop
            [ -n "${KEEP:-}" ] || drop "$engine" "country_$members"
        done
        least=${SCALES%% *} most=${SCALES##* }
        for operation in approve assign inbox search list; do
            small=$(column "$operation" 5 "$WORK/scale_$least") large=$(column "$operation" 5 "$WORK/scale_$most")
            echo "scale, $engine, $operation: p99 $(ratio "$large" "$small") times ($small ms with $least members, $large ms with $most)"
        done
    done
}

resident() { awk '/VmRSS/ { printf "%.0f MB\n", $2 / 1024 }' "/proc/$server/status"; }

# Readiness queries the database, so a ready server has answered a request with the database.
part_idle() {
    for engine in $ENGINES; do
        load "$engine" "$MEMBERS"
        begun=$(now); serve
        curl -sf --retry 100 --retry-delay 0 "$base/readyz" >/dev/null || die "the server is not ready" "$WORK/serve.log"
        echo "idle, $engine: first answer $(since "$begun") ms after the start on an existing database"
        sleep 2
        echo "idle, $engine: $(resident)"
        mkfifo "$WORK/hold"
        "$here/connections.py" "$base" 1000 < "$WORK/hold" > "$WORK/open" &
        player=$!
        exec 3> "$WORK/hold"
        until grep -q open "$WORK/open"; do kill -0 "$player" 2>/dev/null || die "the connections are not open"; sleep 0.05; done
        open=$(ls -l "/proc/$server/fd" | grep -c socket)
        [ "$open" -ge 1000 ] || die "only $open connections are open"
        echo "idle, $engine, 1,000 connections open: $(resident)"
        exec 3>&-
        wait "$player"; player=
        rm "$WORK/hold"
        stop
    done
}

# A backup while a season is played. The copy is restored, and the invariants are checked on it.
part_backup() {
    for engine in $ENGINES; do
        load "$engine" "$MEMBERS"; serve
        : > "$WORK/table"
        "$BENCH" run --url "$base" --concurrency 4 --seconds 36000 --warm-up 0 --unverified \
            > "$WORK/table" 2> "$WORK/play.log" &
        player=$!
        until [ -s "$WORK/play.log" ] && grep -q 'provinces play' "$WORK/play.log"; do
            kill -0 "$player" 2>/dev/null || die "the players gave up" "$WORK/play.log"
            sleep 0.1
        done
        sleep 3
        written=$(sql "$engine" "country_$MEMBERS" 'SELECT count(*) FROM transfers')
        begun=$(now)
        back_up "$engine" "country_$MEMBERS"
        echo "backup, $engine: $(since "$begun") ms"
        more=$(sql "$engine" "country_$MEMBERS" 'SELECT count(*) FROM transfers')
        [ "$more" -gt "$written" ] || die "nothing was written meanwhile" "$WORK/play.log" "$WORK/serve.log"
        { kill "$player"; wait "$player" || true; } 2>/dev/null; player=
        stop
        begun=$(now)
        restore "$engine"
        echo "restore, $engine: $(since "$begun") ms"
        held=$(sql "$engine" restored 'SELECT count(*) FROM members')
        begun=$(now)
        DATABASE_URL=$(url "$engine" restored) "$BIN" verify > "$WORK/verify" 2>&1 || die "the restored database is not whole" "$WORK/verify"
        echo "verify, $engine, $held members, $((more - written)) proposals during the backup: $(tail -n 1 "$WORK/verify") ($(since "$begun") ms)"
        drop "$engine" restored
    done
}

# As described in docs/operations.md.
back_up() {
    if [ "$1" = sqlite ]; then
        rm -f "$WORK/backup"
        "$BIN" backup --to "$WORK/backup" > "$WORK/backup.log" 2>&1 || die "no backup" "$WORK/backup.log"
    else
        "$POSTGRES/pg_dump" -Fc -Z 1 -d "$DATABASE_URL" -f "$WORK/backup"
    fi
}

restore() {
    drop "$1" restored
    if [ "$1" = sqlite ]; then
        mv "$WORK/backup" "$WORK/restored.sqlite"
    else
        psql_in -c 'CREATE DATABASE restored' postgres
        "$POSTGRES/pg_restore" --no-owner -j 2 -d "$(url postgres restored)" "$WORK/backup"
        psql_in -c 'VACUUM ANALYZE' restored
        rm "$WORK/backup"
    fi
}

# The yearly switch and the expiry: by `jobs run` alone, by bare SQL that leaves the same rows in a copy of the same
# database, and by a server's own schedule while others use it.
part_jobs() {
    for engine in $ENGINES; do
        load "$engine" "$JOB_MEMBERS"
        country=country_$JOB_MEMBERS
        "$BENCH" due --branches "$BRANCHES" --cases "$CASES" 2> "$WORK/due.log" || die "nothing is due" "$WORK/due.log"
        [ "$engine" = sqlite ] || psql_in -c 'VACUUM ANALYZE' "$country"
        for job in yearly-switch expiry; do
            drop "$engine" copy
            copy "$engine" "$country" copy
            begun=$(now)
            sql "$engine" copy "$(bare_job "$engine" "$job")" > "$WORK/bare" 2>&1 || die "the bare SQL failed" "$WORK/bare"
            bare=$(since "$begun")
            left "$engine" copy > "$WORK/left_by_bare"
            drop "$engine" copy
            copy "$engine" "$country" copy
            begun=$(now)
            DATABASE_URL=$(url "$engine" copy) "$BIN" jobs run "$job" --yes > "$WORK/job" 2> "$WORK/job.log" || die "$job failed" "$WORK/job.log"
            ours=$(since "$begun")
            left "$engine" copy > "$WORK/left_by_job"
            cmp -s "$WORK/left_by_bare" "$WORK/left_by_job" \
                || die "$job and the bare SQL leave different rows" "$WORK/left_by_bare" "$WORK/left_by_job"
            echo "$engine, $(cat "$WORK/job"): $(ratio "$ours" "$bare") times bare SQL ($ours ms to $bare ms)"
            drop "$engine" copy
        done
        for job in expiry yearly-switch; do beside "$engine" "$job"; done
        [ -n "${KEEP:-}" ] || drop "$engine" "$country"
    done
}

# beside ENGINE JOB: a server whose schedule runs this job at its second tick, and the latency of other requests meanwhile.
# The schedule skips jobs that ran within half the interval, so no job runs at the first tick. The switch would run before
# the expiry, so another holder has its lease while the expiry is measured.
beside() {
    at=$(( $(date +%s) * 1000000 ))
    for noted in yearly-switch expiry escalation audit-seal retention; do
        sql "$1" "$country" "INSERT INTO job_runs (name, at, started_at, finished_at, processed, failed) VALUES ('$noted', $at, $at, $at, 0, 0);"
    done
    # The timer runs no job while the audit log is silent, and a loaded country's is.
    sql "$1" "$country" "INSERT INTO audit_log (at, capacity, action, request_id) VALUES ($at, 'service', 'personal_data.resealed', 'measure');"
    sql "$1" "$country" "DELETE FROM job_leases WHERE name = 'yearly-switch';"
    [ "$2" = yearly-switch ] || sql "$1" "$country" \
        "INSERT INTO job_leases (name, holder, until) VALUES ('yearly-switch', 'measure.sh', $((at + 110000000)));"
    serve --job-interval 40
    echo "beside $2, $1:"
    play --mix file_by_source=1,inbox=2,members=2,search=1 --rate "$JOB_RATE" --during "$2" --seconds 120
    stop
    # A run that takes longer than the interval is followed by another at once, which finds nothing.
    done=$(sql "$1" "$country" "SELECT max(processed) FROM job_runs WHERE name = '$2' AND started_at > $at;")
    [ "$done" -gt 0 ] || die "the timer found nothing to do" "$WORK/serve.log"
    echo "beside $2, $1, $done done: p99 $(column all 5) ms"
}

# bare_job ENGINE JOB: the statements for this engine and this instant.
bare_job() {
    sed -e "s/:now/$(( $(date +%s) * 1000000 ))/g; s/:season/$(date +%Y)/g" "$here/$2.sql"
}

# left ENGINE NAME: counts the rows that a job changes.
left() {
    sql "$1" "$2" "SELECT (SELECT count(*) FROM organizations WHERE graduated_season IS NOT NULL), (SELECT sum(version) FROM organizations), \
        (SELECT count(*) FROM cohort_members), (SELECT count(*) FROM graduation_history), \
        (SELECT count(*) FROM transfers WHERE state = 'expired' AND closed_at IS NOT NULL AND deadline IS NULL AND version = 2), \
        (SELECT count(*) FROM transfer_events), (SELECT count(*) FROM inbox_entries), (SELECT count(*) FROM audit_log);"
}

for part in "$@"; do "part_$part"; done
