#!/bin/sh
# Installs ngspice where that needs no question: as root, with apt-get. Does nothing where it is installed already.
# Where it cannot be installed, a sentence on both outputs says why. The exit status is 0 in any case.
set -u

has() { command -v "$1" >/dev/null 2>&1; }

give_up() {
    echo "ngspice is missing, and what needs it is left out: $1." | tee /dev/stderr
    exit 0
}

# Nothing may ask, and nothing may wait for ever: not for the network, nor for another apt-get.
get() {
    DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60 \
        "$@" </dev/null >"$log" 2>&1
}

has ngspice && exit 0
has apt-get || give_up "there is no apt-get here to install it"
[ "$(id -u)" -eq 0 ] || give_up "only root can install it (apt-get install ngspice)"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing ngspice ..." >&2
get install -y --no-install-recommends ngspice && exit 0
# The lists of packages are too old, or not there at all.
get update && get install -y --no-install-recommends ngspice && exit 0
give_up "apt-get could not install it ($(tail -n 1 "$log"))"
