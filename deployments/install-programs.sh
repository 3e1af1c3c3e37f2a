#!/bin/sh
# Install the search programs (BLAST+ and HH-suite) where this is Debian and we are root; say what is missing
# otherwise. Silent and instant when everything is there.
set -eu

missing_programs() {
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || printf '%s ' "$program"
    done
}

blast=$(missing_programs blastp makeblastdb)
hhsuite=$(missing_programs hhblits hhsearch)
[ -n "$blast$hhsuite" ] || exit 0

debian=""
conda=""
[ -z "$blast" ] || { debian="$debian ncbi-blast+"; conda="$conda blast"; }
[ -z "$hhsuite" ] || { debian="$debian hhsuite"; conda="$conda hhsuite"; }

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$debian"
    export DEBIAN_FRONTEND=noninteractive
    # the lists of a fresh machine are empty: fetch them only when the packages are not known yet
    # shellcheck disable=SC2086
    apt-get install -qq -y --no-install-recommends $debian >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends $debian >/dev/null; } || true
    blast=$(missing_programs blastp makeblastdb)
    hhsuite=$(missing_programs hhblits hhsearch)
    [ -n "$blast$hhsuite" ] || exit 0
fi

{
    echo "missing on the PATH: $blast$hhsuite"
    echo "  Debian, Ubuntu (as root):  apt-get install$debian"
    echo "  conda, without root:       conda install -c conda-forge -c bioconda$conda"
    echo "then run the same command again"
} >&2
exit 1
