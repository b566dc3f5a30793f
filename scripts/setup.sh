#!/bin/sh
# Everything a build needs that cargo does not bring: Debian packages, then the two engines.
#
#   scripts/setup.sh [build|check|test|bench]   check adds rustfmt, clippy and cargo-deny, test (the default) the programs
#                                               that the tests compare with and open files in, bench what a Python
#                                               environment for PyTorch needs
#
# Missing packages are installed when this runs as root on a Debian-like system; otherwise they are
# listed and nothing is changed. The engines, cargo-deny, and igv-reports for the tests, go into a cache outside the
# checkout: $DEEPALLELE_CACHE, else $XDG_CACHE_HOME/deepallele, else ~/.cache/deepallele.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-test}

missing= wished=
lack() { case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac; }
tool() { command -v "$1" >/dev/null 2>&1 || lack "$2"; }
wish() { command -v "$1" >/dev/null 2>&1 || wished="$wished $2"; }
header() { printf '#include <%s>\n' "$1" | ${CC:-cc} -E -xc - >/dev/null 2>&1 || lack "$2"; }

# Looks once through what is needed; sets $missing to the Debian packages that lack, $wished to those without which a
# few tests have less to look at.
look() {
    missing= wished=
    tool cc gcc
    tool c++ g++
    tool make make
    tool cmake cmake
    tool pkg-config pkg-config
    tool python3 python3
    python3 -m pip --version >/dev/null 2>&1 || lack python3-pip
    header stdlib.h libc6-dev
    header zlib.h zlib1g-dev
    header bzlib.h libbz2-dev
    header lzma.h liblzma-dev
    # bindgen opens libclang to read htslib's headers, and clang's own headers with it.
    if [ -z "${LIBCLANG_PATH:-}" ] &&
        ! find /usr/lib /usr/lib64 /usr/local/lib -maxdepth 4 -name 'libclang*.so*' ! -name 'libclang-cpp*' 2>/dev/null | grep -q .; then
        lack libclang-dev
        lack clang
    fi
    if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
        tool samtools samtools
        tool bcftools bcftools
        tool bgzip tabix
        tool tabix tabix
        tool h5dump hdf5-tools
        tool script bsdutils
        wish man man-db
        wish zsh zsh
        wish fish fish
        wish npm npm
        command -v google-chrome >/dev/null 2>&1 || wish chromium chromium
    fi
    if [ "$purpose" = bench ]; then
        python3 -c 'import ensurepip' 2>/dev/null || lack python3-venv
    fi
}

look
if [ -n "$missing$wished" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing$missing$wished" >&2
        export DEBIAN_FRONTEND=noninteractive
        # Whatever apt says, what counts is what is there afterwards.
        apt-get update -qq >&2 || true
        # shellcheck disable=SC2086  # a list of package names
        [ -z "$missing" ] || apt-get install -y -qq --no-install-recommends $missing >&2 || true
        # shellcheck disable=SC2086
        [ -z "$wished" ] || apt-get install -y -qq --no-install-recommends $wished >&2 || true
        look
    fi
    if [ -n "$wished" ]; then
        echo "setup: man pages, completions or report pages are tested less without these packages:$wished" >&2
    fi
    if [ -n "$missing" ]; then
        echo "setup: these packages (Debian names) are needed and missing:$missing" >&2
        echo "setup: install them, for example: sudo apt-get install$missing" >&2
        exit 1
    fi
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: cargo is missing; install a Rust toolchain, 1.92 or newer" >&2
    exit 1
fi
if [ "$purpose" = check ]; then
    for component in rustfmt:fmt clippy:clippy; do
        if ! cargo "${component#*:}" --version >/dev/null 2>&1; then
            echo "setup: ${component%:*} is missing; install it, for example: rustup component add ${component%:*}" >&2
            exit 1
        fi
    done
    python3 scripts/fetch_cargo_deny.py >/dev/null
fi

# A libtorch of the user's own is left alone.
if [ -z "${LIBTORCH:-}" ] && [ -z "${LIBTORCH_USE_PYTORCH:-}" ]; then
    python3 scripts/fetch_engines.py torch >/dev/null
fi
if [ -z "${ORT_DYLIB_PATH:-}" ]; then
    python3 scripts/fetch_engines.py onnx >/dev/null
fi
if [ "$purpose" = test ]; then
    if command -v npm >/dev/null 2>&1 || [ -d "$(python3 scripts/fetch_igv_reports.py --where)" ]; then
        python3 scripts/fetch_igv_reports.py >/dev/null ||
            echo "setup: pages of igv-reports are not tested without it" >&2
    fi
fi
