#!/bin/sh
# The lab's server: tells whoever asks by HTTP which address it sees.
set -eu
. /lab/addresses.sh
ethtool -K "$(interface_with 192.0.2)" tx off >/dev/null
echo "server 192.0.2.80 listens on port 80"
exec socat TCP-LISTEN:80,reuseaddr,fork SYSTEM:/lab/answer.sh
