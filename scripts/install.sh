#!/bin/sh
# Install a requirements file into .venv with checked hashes: with uv, or with pip where uv fails.
#
# usage: PYTHON=python3.11 INSTALLER="uv pip" scripts/install.sh FILE [UV_OPTION...]
set -u
requirements=$1
shift

# pip 22.3 and newer installs into .venv from outside; a pip inside .venv takes seconds to create.
if "$PYTHON" -c 'import pip, sys; sys.exit([*map(int, pip.__version__.split(".")[:2])] < [22, 3])' 2>/dev/null; then
    outside=yes config_python=$PYTHON pip="$PYTHON -m pip --python .venv/bin/python"
else
    outside= config_python=.venv/bin/python pip=".venv/bin/python -m pip"
fi

create_venv() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required: make PYTHON=/path/to/python3.11 run")' &&
        { "$PYTHON" -m venv ${outside:+--without-pip} .venv || { rm -rf .venv; false; }; }
}

pip_install() {
    $pip install --quiet --disable-pip-version-check --require-hashes "$@"
}

# The version of uv and its hashes are those of dev-requirements.txt.
get_uv() {
    test -x .venv/bin/uv ||
        sed -n '/^uv==/,/[^\\]$/p' dev-requirements.txt | pip_install --only-binary :all: --requirement /dev/stdin
}

# uv does not read pip's configuration: index and certificates are passed on, unless uv has an index.
read_pip_config() {
    (umask 077; $config_python -m pip config list 2>/dev/null | sort -r >.venv/pip-config)
}

option_of_pip() {
    sed -nE "s/^(global|:env:)\.$1='(.*)'\$/\2/p" .venv/pip-config | tail -n 1
}

install_with_uv() {
    read_pip_config &
    get_uv && wait || return
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=$(option_of_pip index-url) certificates=$(option_of_pip cert)
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
        [ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"
    fi
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes "$@" --requirement "$requirements"
}

install_with_pip() {
    pip_install ${force:-} --requirement "$requirements"
}

test -x .venv/bin/python || create_venv || exit 1
for installer in $INSTALLER; do
    # An interrupted installation leaves packages that look complete: they are installed again.
    force=
    test ! -e .venv/.begun || force=--force-reinstall
    touch .venv/.begun
    case $installer in
        uv) echo "Installing $requirements with uv" && install_with_uv ${force:-} "$@" ;;
        pip) echo "Installing $requirements with pip" && install_with_pip ;;
        *) false ;;
    esac && rm .venv/.begun && exit 0
done
echo "$requirements is not installed (INSTALLER=$INSTALLER)." >&2
exit 1
