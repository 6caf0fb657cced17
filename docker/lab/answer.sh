#!/bin/sh
# One request of the lab's server, on standard input: read to its empty line, then answered.
while read -r line; do
  case "$line" in "" | "$(printf '\r')") break ;; esac
done
body="you come from $SOCAT_PEERADDR"
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n' $((${#body} + 1))
printf 'Connection: close\r\n\r\n%s\n' "$body"
