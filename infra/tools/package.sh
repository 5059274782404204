#!/usr/bin/env bash
# Builds every function's Lambda package and says how large each is.
#
#   infra/tools/package.sh [arm64 | x86_64] [release | deploy]
#
# `release` is quick to build, and what CI builds; `deploy` is linked across crates, and what is deployed.
# They land in target/packages/<architecture>-<profile>/<function>/bootstrap.zip.
set -euo pipefail

cd "$(dirname "$0")/../.."

architecture=${1:-arm64}
profile=${2:-release}
case "$architecture" in
arm64) target=aarch64-unknown-linux-gnu cpu=neoverse-n1 ;; # Graviton2
x86_64) target=x86_64-unknown-linux-gnu cpu=haswell ;; # has AVX2
*) echo "error: $architecture is neither arm64 nor x86_64" >&2 && exit 2 ;;
esac
case "$profile" in
release | deploy) ;;
*) echo "error: $profile is neither release nor deploy" >&2 && exit 2 ;;
esac

# Rust's own library for the machine that Lambda has.
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    command -v rustup >/dev/null || {
        echo "error: this Rust cannot build for $target, and there is no rustup to teach it." >&2
        exit 1
    }
    rustup target add "$target"
fi

functions=()
for manifest in functions/*/Cargo.toml; do
    functions+=("$(basename "$(dirname "$manifest")")")
done
binaries=()
for function in "${functions[@]}"; do
    binaries+=(--bin "$function")
done

# Binaries by name and no package: then every crate is built once, with the features of the whole workspace.
folder=target/packages/$architecture-$profile
rm -rf "$folder"
# cargo-lambda's own optimisations would know `release` only: Cargo.toml and the line below say the same of both.
infra/tools/with_tools.sh cargo-lambda lambda build --locked --profile "$profile" --target "$target" \
    --disable-optimizations --config "target.$target.rustflags = ['-Ctarget-cpu=$cpu']" \
    --output-format zip --lambda-dir "$folder" "${binaries[@]}"

printf '\n%-28s %12s   %s\n' function "zip (KiB)" "$architecture, $profile"
for function in "${functions[@]}"; do
    package=$folder/$function/bootstrap.zip
    [ -s "$package" ] || { echo "error: $package is missing" >&2 && exit 1; }
    printf '%-28s %12d   %s\n' "$function" "$(($(wc -c <"$package") / 1024))" "$package"
done
