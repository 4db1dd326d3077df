#!/bin/sh
# Sets up .venv: the packages of requirements-dev.lock, each checked by its hash, the checkout itself importable, and the
# command `casebus`. Done already for this very lock file in this very place, it returns at once.
set -eu
cd "$(dirname "$0")/../.."

lock=requirements-dev.lock
stamp=.venv/set-up-for
wanted=$( { pwd; cat "$lock" deploy/local/bootstrap.sh; } | sha256sum)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

fail() {
    echo "$1" >&2
    exit 1
}

# Debian's python3 comes without what makes a virtual environment.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    sentence="Python 3.11 or newer with venv and pip is missing: install it (apt-get install python3-venv), then try again."
    command -v apt-get >/dev/null || fail "$sentence"
    if [ "$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else fail "$sentence"; fi
    echo "installing python3-venv"
    said=$($as_root sh deploy/local/install.sh python3-venv 2>&1) || fail "$said
$sentence"
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed; python3 is $(python3 --version)."

echo "setting up .venv from $lock (once; it takes a minute or two)"
.venv/bin/python -c 'import pip' 2>/dev/null || python3 -m venv --clear .venv
rm -f "$stamp"
if ! .venv/bin/python -m pip install --require-hashes --disable-pip-version-check --no-input -r "$lock" >.venv/set-up.log 2>&1; then
    tail -n 8 .venv/set-up.log >&2
    fail "The packages of $lock could not be installed; the whole log is .venv/set-up.log."
fi

packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd >"$packages/casebus-checkout.pth"
cat >.venv/bin/casebus <<'SCRIPT'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -c 'import sys; sys.argv[0] = "casebus"
from deploy.cli.main import run; run()' "$@"
SCRIPT
chmod +x .venv/bin/casebus
echo "$wanted" >"$stamp"
