#!/usr/bin/env bash
# Runs a command with everything that `make` found or fetched in reach.
#
#   infra/tools/with_tools.sh cargo test --workspace a_missed_call
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# Ours first, for they are pinned; Debian's servers last, where an ordinary user's PATH does not look.
PATH="$root/.venv/bin:$PATH:/usr/sbin:/usr/local/sbin"
export PATH
if folder=$("$here/find.sh" postgres); then export PG_BIN="$folder"; fi

exec "$@"
