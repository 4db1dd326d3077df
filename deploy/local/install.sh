#!/bin/sh
# Installs Debian packages for the local stack, as root: install.sh PACKAGE...
# A server that a package brings must not start by itself (the stack runs its own, private one), so for as long as the
# installation takes, policy-rc.d forbids it; what was there before is put back whatever happens.
set -eu

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
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
