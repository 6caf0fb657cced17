#!/bin/sh
# The lab's pod: an address on the kernel's VXLAN interface, whose far end is the gateway, and
# everything that is not on the underlay goes there.
set -eu
. /lab/addresses.sh
underlay=$(interface_with 10.99.0)
# A veth leaves checksums to whoever comes next; the gateway sees finished packets only.
ethtool -K "$underlay" tx off >/dev/null
ip link add vx0 type vxlan id 100 dstport 4789 local 10.99.0.11 remote 10.99.0.254 \
  dev "$underlay" nolearning
ip addr add 10.128.0.11/32 dev vx0
ip link set vx0 mtu 1450 up
# The gateway is a routed hop and takes any destination MAC: the neighbour needs none of its own.
ip neigh replace 169.254.1.1 lladdr 02:00:00:00:99:01 dev vx0 nud permanent
ip route replace default via 169.254.1.1 dev vx0 onlink
echo "pod 10.128.0.11 is up"
exec sleep infinity
