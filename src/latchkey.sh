#!/bin/sh
# The `latchkey` command. glibc reads its settings when a program starts, so they must be in the environment before Node starts.
# An empty setting counts as unset: glibc would read it as 0.
# One arena instead of one per thread: otherwise an idle server keeps up to 100 MB that the threads of hashes freed.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
# Without these two, glibc returns the memory of each hash to the system, and the next hash faults it in again. A hash takes 1 MiB
# with the profile fast and 19 MiB with owasp. 32 MiB is the highest threshold that glibc takes. As soon as one is set, glibc no
# longer raises it by itself.
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-33554432}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-67108864}"
# Huge pages for the memory of hashes, where the system leaves the choice to programs (madvise): fewer misses of the address cache.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"

# SIGHUP makes a running server reload its TLS files. Until the server handles it, SIGHUP must not end the start. At a terminal
# SIGHUP means that the terminal is closed, which does end the start.
[ -t 0 ] || trap '' HUP

# npm installs a link to this file; the program is beside the file itself.
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
# `exec` keeps the process id, so supervisors, signals and exit codes reach the program itself.
exec node "$(dirname "$self")/latchkey.cjs" "$@"
