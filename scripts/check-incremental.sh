#!/bin/sh
# Proves, in a package of its own, that somebody else can use BPFBuildPlugin, and that a build
# makes a BPF object again when one of its sources changed, appeared or vanished, and only then.
#
# usage: scripts/check-incremental.sh [scratch-path]     (kept between runs; default: temporary)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/lib.sh"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
mkdir -p "${1:-$temporary}"
scratch=$(cd "${1:-$temporary}" && pwd)
package=$scratch/package
target=$package/Sources/Objects

rm -rf "$package"
mkdir -p "$target/BPF" "$scratch"
cp -R "$root/Examples/bpf-hello/CKit" "$root/Examples/bpf-hello/Programs" \
  "$root/Examples/bpf-hello/Maps.bpf.c" "$target/BPF"
sed 's/"objects"/"root": "BPF", "objects"/' "$root/Examples/bpf-hello/bpf-build.json" \
  >"$target/bpf-build.json"
echo "let objects = Objects.all" >"$target/Use.swift"
cat >"$package/Package.swift" <<END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "check",
  dependencies: [.package(path: "$root")],
  targets: [
    .target(
      name: "Objects", exclude: ["BPF", "bpf-build.json"],
      plugins: [.plugin(name: "BPFBuildPlugin", package: "$(basename "$root")")])
  ]
)
END

build() {
  if ! ordinal_swift build --package-path "$package" --scratch-path "$scratch" \
    >"$scratch/incremental.log" 2>&1; then
    cat "$scratch/incremental.log" >&2
    echo "check-incremental: the build failed" >&2
    exit 1
  fi
}

# Inode and time of change, to the nanosecond, of the object that the plugin's tool made.
stamp() {
  object=$(find "$scratch/plugins/outputs" -path '*/Objects/*' -name hello.o)
  [ -n "$object" ] || { echo "check-incremental: no hello.o below $scratch" >&2; exit 1; }
  stat -c '%i %z' "$object"
}

expect() {
  build
  now=$(stamp)
  if [ "$1" = same ] && [ "$now" != "$before" ]; then
    echo "FAIL: $2, and the object was made again" >&2
    exit 1
  fi
  if [ "$1" = new ] && [ "$now" = "$before" ]; then
    echo "FAIL: $2, and the object was not made again" >&2
    exit 1
  fi
  echo "ok: $2: $1 object"
  before=$now
}

# The second build plans again, because the first wrote Package.resolved.
build
build
before=$(stamp)
expect same "nothing changed"
touch "$target/Use.swift"
expect same "a host source changed"
touch "$target/BPF/Programs/Hello.swift"
expect new "a program changed"
touch "$target/BPF/CKit/CKit.h"
expect new "a header changed"
touch "$target/BPF/Maps.bpf.c"
expect new "the maps changed"
echo "// A file more." >"$target/BPF/Programs/More.swift"
expect new "a program file appeared"
echo "// A line more." >>"$target/BPF/Programs/More.swift"
expect new "that file changed"
rm "$target/BPF/Programs/More.swift"
expect new "it vanished"
expect same "nothing changed"
