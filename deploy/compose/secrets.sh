#!/bin/sh
# Makes the passwords and keys that docker-compose.yml asks for: random, a file each, in deploy/compose/secrets or in
# $CASEBUS_SECRETS. What is there stays, so it can be run again; names given besides are further channels and agents:
#
#   sh deploy/compose/secrets.sh kiosk agent.a13
#
# The folder is closed to other users of this machine. The files in it are not, because the containers that are given
# one read it as users of their own.
set -eu
umask 022
cd "$(dirname "$0")/../.."
folder=${CASEBUS_SECRETS:-deploy/compose/secrets}

mkdir -p "$folder/broker" "$folder/database"
chmod 700 "$folder"

keep() { # FILE CONTENT: in one step, so that no half-written secret is ever taken for one
    printf '%s' "$2" >"$folder/.making"
    chmod 444 "$folder/.making"
    mv -f "$folder/.making" "$folder/$1"
}
secret() { # FILE: 192 random bits, unless there are some
    [ -s "$folder/$1" ] || keep "$1" "$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
}

# What docker-compose.yml lists under `secrets`, so those of a further service as well; two have a form of their own.
for file in $(sed -n 's|.*{file: "[^}]*}/\(.*\)"}$|\1|p' docker-compose.yml); do
    case $file in
    broker-admin.json | attachment-keys) ;;
    *) secret "$file" ;;
    esac
done
for user in operator web game mail partner helpcenter agent.a1 agent.a2 agent.a3 agent.a4 agent.a5 agent.a6 "$@"; do
    secret "broker/$user"
done
# Its first line wraps the keys of new files: docs/attachments.md says how to put another before it.
[ -s "$folder/attachment-keys" ] || keep attachment-keys "first $(head -c 32 /dev/urandom | base64 | tr -d '\n')"
keep broker-admin.json "{
  \"vhosts\": [{\"name\": \"casebus\"}],
  \"users\": [{\"name\": \"casebus_admin\", \"password\": \"$(cat "$folder/broker-admin")\", \"tags\": [\"administrator\"]}],
  \"permissions\": [{\"user\": \"casebus_admin\", \"vhost\": \"casebus\", \"configure\": \".*\", \"write\": \".*\", \"read\": \".*\"}]
}"
echo "secrets are in $folder"
