#!/bin/sh
# Installs a compiled requirements file into a virtual environment: ./setup.sh .venv requirements.txt
# An environment whose Python is missing, too old, or not the one that PYTHON names, is made anew. Every file that is
# installed must have one of the digests in the requirements file. Does nothing where all that is installed already.
set -eu
cd "$(dirname "$0")"
venv=$1 locked=$2
# .python-version names the Python that hosts install. pyenv would refuse any other here; this machine's counts.
if [ -z "${PYTHON:-}" ] && command -v pyenv > /dev/null; then
    PYENV_VERSION=${PYENV_VERSION:-$(cd / && pyenv version-name)}
    export PYENV_VERSION
fi
installed=$venv/$(basename "$locked") # a copy of the file that was installed last

version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }

is_usable() {
    is_new_enough "$venv/bin/python" && "$venv/bin/python" -c 'import pip' 2> /dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version "$venv/bin/python")" = "$(version "$PYTHON")" ]
}

# The first Python that is new enough, of the one that PYTHON names or else of those that are usual.
find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    name=${PYTHON:-python3}
    echo "Python 3.11 or newer is needed; $name is $(version "$name" || echo missing). Name another: PYTHON=python3.13 make" >&2
    return 1
}

if ! is_usable; then
    python=$(find_python)
    [ ! -e "$venv" ] || echo "$venv is made anew with $python $(version "$python")." >&2
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
if ! cmp -s "$locked" "$installed"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$locked"
    cp "$locked" "$installed"
fi
