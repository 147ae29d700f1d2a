# Sourced by ./run and ./test: sets $python to a Python 3.11 or newer, or says what to do.
python=
if [ -n "$METASCOPE_PYTHON" ] && ! command -v "$METASCOPE_PYTHON" >/dev/null 2>&1; then
    echo "metascope: METASCOPE_PYTHON=$METASCOPE_PYTHON is not there: name a Python 3.11 or newer, or" \
        "leave it out." >&2
    exit 1
fi
for candidate in "${METASCOPE_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "metascope: Python 3.11 or newer is needed and was not found: install it (Debian, Ubuntu:" \
        "apt install python3 python3-venv), or name one in METASCOPE_PYTHON." >&2
    exit 1
fi
