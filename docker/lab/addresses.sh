# Sourced by the others: which interface holds an address is found out, since the order in which a
# container gets its interfaces is nobody's promise.

# interface_with PREFIX: the first interface that has an address beginning so. Without tools beyond
# the shell's and awk's, for the gateway's image: /proc/net/fib_trie names no interface, but the
# kernel routes each network to its interface, and /proc/net/route has the network byte by byte.
interface_with() {
  wanted=$(echo "$1" | awk -F. '{ printf "%02X%02X%02X", $3, $2, $1 }')
  awk -v wanted="$wanted" 'substr($2, 3) == wanted { print $1; exit }' /proc/net/route
}
