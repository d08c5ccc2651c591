# What the scripts share: building for bare targets, and QEMU.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=thumbv7em-none-eabihf
target_dir=${CARGO_TARGET_DIR:-$here/target}
export CARGO_TARGET_DIR=$target_dir
# What an image with the feature `defmt` sends: by itself `defmt` would send errors only.
export DEFMT_LOG=${DEFMT_LOG:-info}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian packages by name, only those that are missing.
packages() {
    local package missing=()
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

needs_qemu() {
    command -v qemu-system-arm >/dev/null || packages qemu-system-arm
}

has_rustup_target() {
    command -v rustup >/dev/null && rustup target list --installed | grep -qx "$1"
}

# bare TARGET ARGUMENTS...: `cargo build` for a bare target in the current directory, with rustup's target where it is installed,
# else with Debian's compiler and library source.
bare() {
    local bare_target=$1 name
    shift
    if has_rustup_target "$bare_target"; then
        cargo build --quiet --release --target "$bare_target" "$@"
        return
    fi
    packages rustc-web cargo-web rust-web-src lld
    name=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$bare_target")
    env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_DIR="$target_dir/bare" \
        "${name}_LINKER=ld.lld" "${name}_RUSTFLAGS=-C linker-flavor=ld.lld" \
        /usr/bin/cargo build --quiet --release -Z build-std=core --target "$bare_target" "$@"
}

# Where `bare` leaves the images.
image_dir() {
    if has_rustup_target "$target"; then
        echo "$target_dir/$target/release"
    else
        echo "$target_dir/bare/$target/release"
    fi
}

# build_image FILE ARGUMENTS...: builds the image with these arguments of cargo and copies it to FILE.
build_image() {
    local file=$1
    shift
    (cd "$here" && bare "$target" -p headwater-firmware --bin headwater-firmware "$@") || return
    cp "$(image_dir)/headwater-firmware" "$file"
}

# build_desktop ARGUMENTS...
build_desktop() {
    (cd "$here" && cargo build --quiet --release -p headwater-firmware-desktop "$@")
    desktop=$target_dir/release/headwater-firmware-desktop
}

# A chip as it leaves the factory.
erased_flash() {
    head -c 32768 /dev/zero | tr '\0' '\377' >flash.bin
}

# Seconds that an image may take; empty for no limit.
limit=60

# emulate SHIFT IMAGE: runs an image in the current directory, with its flash in flash.bin; what it sends is added to
# wire.bin, and what it logs to log.bin. An instruction takes 2^SHIFT ns of the emulated time, and sleep takes none of ours.
emulate() {
    exec ${limit:+timeout "$limit"} qemu-system-arm -cpu cortex-m4 -machine mps2-an386 -display none -monitor none \
        -icount "shift=$1,sleep=off" -chardev file,id=wire,path=wire.bin,append=on -serial chardev:wire \
        -chardev file,id=log,path=log.bin,append=on -serial chardev:log \
        -semihosting-config enable=on,target=native -kernel "$2"
}

# Bytes of code and constants, without the recording: what FLASH of src/board/memory.x holds.
code_bytes() {
    size -A "$1" | awk '$1 ~ /^\.(vector_table|text|rodata|data)$/ { sum += $2 } END { print sum }'
}

# at_most WHAT FOUND LIMIT: an error if it is more.
at_most() {
    if [ "$2" -gt "$3" ]; then
        echo "$1: $2, and the limit is $3" >&2
        exit 1
    fi
}
