#!/bin/sh
# Builds the fixtures of a project, or checks that they are as their manifests say: fixtures.sh build|check [MANIFEST...]
set -eu
cd "$(dirname "$0")"
what=${1:-check}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- fixtures/*.toml
h5mason=${H5MASON:-h5mason}

worst=0
for manifest in "$@"; do
  case $what in
    # What is there and as declared is left alone; what is missing is made, what has drifted is put right.
    build) mkdir -p data && "$h5mason" apply "$manifest" || worst=$? ;;
    check) "$h5mason" check "$manifest" || worst=$? ;;
    *) echo "usage: fixtures.sh build|check [MANIFEST...]" >&2; exit 2 ;;
  esac
done
exit "$worst"
