#!/bin/sh
# Make or refresh .venv from the locks. Needs Python 3.11 or newer; costs nothing when nothing has changed.
#
# usage: tools/bootstrap.sh run | dev
#   run   what the embedded mode needs
#   dev   everything, with the tools for tests, lint and documentation; also serves `run`
#
# Settings: PYTHON names the interpreter. pip's configuration (index, certificates) applies to all downloads.
set -eu
cd "$(dirname "$0")/.."

kind=${1:-run}
venv=.venv
stamp=$venv/.h-stamp
uv_lock=requirements/uv.lock
run_lock=requirements/standalone.lock
dev_lock=requirements/all.lock
[ -f "$run_lock" ] || run_lock=$dev_lock
[ -f "$uv_lock" ] || uv_lock=$dev_lock

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Whatever environment is active where this was started, only .venv is meant.
unset VIRTUAL_ENV CONDA_PREFIX UV_PYTHON UV_PROJECT_ENVIRONMENT PYTHONHOME PYTHONPATH
export UV_PYTHON_DOWNLOADS=never

version_of() { "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# What .venv must have been made from; changes with the checkout's place, because scripts name their interpreter.
fingerprint() {
    lock=$run_lock
    [ "$1" = dev ] && lock=$dev_lock
    {
        printf '%s %s %s\n' "$1" "$PWD" "$2"
        cat "$lock" "$uv_lock" libs/*/pyproject.toml services/*/pyproject.toml tools/bootstrap.sh
    } | cksum
}

case $kind in
run) [ ! -x "$venv/bin/pytest" ] || kind=dev ;; # a development environment serves as well: not thinned out
dev) ;;
*) fail "usage: tools/bootstrap.sh run | dev" ;;
esac
case $kind in
run) lock=$run_lock ;;
dev) lock=$dev_lock ;;
esac

if [ -x "$venv/bin/python" ]; then
    have=$(version_of "$venv/bin/python") || have=broken
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$kind $(fingerprint "$kind" "$have")" ] && exit 0
    # The interpreter it was made with was replaced by another version, or is gone.
    [ -d "$venv/lib/python$have" ] || rm -rf "$venv"
elif [ -f "$venv/pyvenv.cfg" ]; then
    rm -rf "$venv"
fi

# Sets $python to a suitable interpreter; prefers one that can make environments.
find_python() {
    python=
    without_pip=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        "$candidate" -I -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if "$candidate" -I -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            return 0
        fi
        [ -n "$without_pip" ] || without_pip=$candidate
    done
    return 1
}

# Debian and its kin pack what makes environments apart from Python; root gets it installed.
install_venv_package() {
    package=python3-venv
    [ "$without_pip" = python3 ] || package=python$(version_of "$without_pip")-venv
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "$without_pip cannot make environments: it has no ensurepip module. Install a complete Python 3.11 or newer."
    fi
    if [ "$(id -u)" != 0 ]; then
        fail "$without_pip cannot make environments yet. Type this, then run make again:
    sudo apt-get install $package"
    fi
    say "Installing $package, which $without_pip needs to make environments."
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package"; } \
        >/dev/null || fail "That failed. Type: apt-get update && apt-get install $package"
}

if [ ! -x "$venv/bin/python" ]; then
    if ! find_python; then
        [ -n "$without_pip" ] || fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is older or not there.
Install it (on Debian and Ubuntu: apt-get install python3 python3-venv), or name one: make run PYTHON=/path/to/python3"
        install_venv_package
        find_python || fail "$without_pip still cannot make environments."
    fi
    say "Making $venv with $(command -v "$python") ($(version_of "$python"))."
    "$python" -m venv "$venv"
    have=$(version_of "$venv/bin/python")
fi
rm -f "$stamp"

# uv does not read pip's configuration, so what pip was told is passed on.
pip_option() { "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true; }
has_pip() { "$venv/bin/python" -c 'import pip' 2>/dev/null; }

wanted=$(sed -n 's/^uv==\([^ ;\\]*\).*/\1/p' "$uv_lock")
found=$("$venv/bin/uv" --version 2>/dev/null | cut -d' ' -f2) || found=
if [ "$found" != "$wanted" ]; then
    say "Installing uv $wanted."
    has_pip || "$venv/bin/python" -m ensurepip >/dev/null
    # The lock's own entry for uv, which ends where the next name begins.
    sed -n '/^uv==/,/^[^ #]/{/^uv==/p;/^ .*--hash/p;}' "$uv_lock" >"$venv/uv.txt"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$venv/uv.txt"
fi
if has_pip; then
    [ -n "${UV_DEFAULT_INDEX:-}" ] || UV_DEFAULT_INDEX=${PIP_INDEX_URL:-$(pip_option index-url)}
    [ -n "${UV_INDEX:-}" ] || UV_INDEX=${PIP_EXTRA_INDEX_URL:-$(pip_option extra-index-url)}
    [ -n "${UV_FIND_LINKS:-}" ] || UV_FIND_LINKS=$(printf %s "${PIP_FIND_LINKS:-$(pip_option find-links)}" | tr -s ' \n' ',')
    [ -n "${UV_NO_INDEX:-}" ] || UV_NO_INDEX=${PIP_NO_INDEX:-$(pip_option no-index)}
    [ -n "${SSL_CERT_FILE:-}" ] || SSL_CERT_FILE=${PIP_CERT:-$(pip_option cert)}
fi
for name in UV_DEFAULT_INDEX UV_INDEX UV_FIND_LINKS UV_NO_INDEX SSL_CERT_FILE; do
    eval "value=\${$name:-}"
    # shellcheck disable=SC2163 # the variable named, not the loop's
    if [ -n "$value" ]; then export "$name"; else unset "$name"; fi
done
# pip trusts the machine's own authorities; uv does so only when told.
if [ -z "${SSL_CERT_FILE:-}${UV_SYSTEM_CERTS:-}" ]; then
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -s "$bundle" ] && export UV_SYSTEM_CERTS=true
    done
fi

quiet=
[ -t 2 ] || quiet=--quiet
say "Installing the packages of $lock."
# Compiled now, by all cores: else each of h's processes compiles them at its first start, or at every one where
# PYTHONDONTWRITEBYTECODE is set, and keeps memory for it.
"$venv/bin/uv" pip sync $quiet --compile-bytecode --python "$venv/bin/python" --require-hashes "$lock"
set --
for package in libs/* services/*; do
    [ -f "$package/pyproject.toml" ] && set -- "$@" --editable "./$package"
done
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --no-sources "$@"
printf '%s %s\n' "$kind" "$(fingerprint "$kind" "$have")" >"$stamp.new"
mv "$stamp.new" "$stamp"
