#!/bin/sh
# Install what only the tests need: SLURM, a PostgreSQL server, Chromium, MMseqs2. Silent and instant when everything is
# there. Where this is not Debian or we are not root the tests that need a missing program are skipped, and say so.
set -eu

packages=""
need() { # program or file, Debian package
    command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || ls $1 >/dev/null 2>&1 || packages="$packages $2"
}
need slurmctld slurm-wlm
need slurmd slurm-wlm
need munged munge
need "/usr/lib/postgresql/*/bin/initdb" postgresql
need chromium chromium
need mmseqs mmseqs2
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed, tests that need them are skipped:$packages" >&2
    exit 0
fi
echo "installing for the tests:$packages"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
apt-get install -qq -y --no-install-recommends $packages >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends $packages >/dev/null; } ||
    echo "could not be installed, tests that need them are skipped:$packages" >&2
