#!/usr/bin/env bash
# Proves that `make deny` refuses what it is there to refuse: crates with a licence, a source or a version that
# nobody decided on are planted in workspaces made for the occasion. Needs no network.
#
#   infra/tools/check_deny.sh CARGO_DENY
set -euo pipefail

deny=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never

# A crate in a folder, with a licence and a line of dependencies.
crate() {
    mkdir -p "$1/src"
    printf '//! Planted.\n' >"$1/src/lib.rs"
    printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\nlicense = "%s"\npublish = false\n\n[dependencies]\n%s\n' \
        "$(basename "$1")" "$2" "$3" >"$1/Cargo.toml"
}

# The product's own rules, on a workspace of that crate.
judge() {
    (cd "$folder/$1" && "$deny" --log-level error --config "$root/.deny.toml" check --hide-inclusion-graph bans licenses sources) 2>&1
}

# The crate is refused, by the check that it was planted for.
refused() {
    local name=$1 check=$2 said
    if said=$(judge "$name"); then
        echo "error: $name was let pass" >&2
        exit 1
    fi
    if ! grep -q "$check FAILED" <<<"$said"; then
        printf 'error: %s was not refused by its %s:\n%s\n' "$name" "$check" "$said" >&2
        exit 1
    fi
}

crate "$folder/harmless" "MIT" ""
judge harmless >/dev/null || { echo "error: a harmless crate was refused" >&2; judge harmless >&2; exit 1; }

crate "$folder/copyleft" "AGPL-3.0-only" ""
crate "$folder/with-copyleft" "MIT" 'copyleft = { path = "../copyleft" }'
refused with-copyleft licenses

crate "$folder/unlicensed" "MIT" ""
sed -i.bak '/^license/d' "$folder/unlicensed/Cargo.toml"
crate "$folder/with-unlicensed" "MIT" 'unlicensed = { path = "../unlicensed" }'
refused with-unlicensed licenses

crate "$folder/elsewhere" "MIT" ""
git -C "$folder/elsewhere" init --quiet
git -C "$folder/elsewhere" add .
git -C "$folder/elsewhere" -c user.name=nobody -c user.email=nobody@example.com commit --quiet --message "Planted"
crate "$folder/from-git" "MIT" "elsewhere = { git = \"file://$folder/elsewhere\" }"
CARGO_NET_OFFLINE=false refused from-git sources

echo "refused: a licence, a missing licence and a source that nobody decided on"
