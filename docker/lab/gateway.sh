#!/bin/sh
# The lab's gateway: writes which interface is which into the configuration and becomes postern.
set -eu
. /lab/addresses.sh
sed -e "s/UNDERLAY_INTERFACE/$(interface_with 10.99.0)/" \
  -e "s/OUTSIDE_INTERFACE/$(interface_with 192.0.2)/" /lab/postern.cfg >/run/postern/postern.cfg
exec postern -c /run/postern/postern.cfg
