#!/bin/sh
# Installs Debian packages for the local stack, as root: install.sh PACKAGE...
# A server that a package brings must not start by itself (the stack runs its own, private one), so for as long as the
# installation takes, policy-rc.d forbids it; what was there before is put back whatever happens.
set -eu

# One at a time: the processes of a test run find out at once that something is missing.
mkdir -p /run/lock
exec 9>/run/lock/casebus-install
flock 9

policy=/usr/sbin/policy-rc.d
kept=$(mktemp -d)
restore() {
    rm -f "$policy"
    if [ -e "$kept/policy" ]; then mv "$kept/policy" "$policy"; fi
    rmdir "$kept"
}
trap restore EXIT
trap 'exit 1' INT TERM HUP
if [ -e "$policy" ]; then mv "$policy" "$kept/policy"; fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
# A machine that was just started may be updating its lists; apt waits for the lock of dpkg, but not for that of the lists.
tries=0
until said=$(apt-get update -qq 2>&1); do
    tries=$((tries + 1))
    case $said in
        *"Could not get lock"*) [ "$tries" -lt 60 ] && sleep 2 && continue ;;
    esac
    printf '%s\n' "$said" >&2
    exit 1
done
apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "$@"
