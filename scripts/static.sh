# Links the self-contained program; sourced by scripts/package and scripts/test-vm with scripts/lib.sh
# sourced and _ordinal_root set. POSIX sh.

# Builds the release and links its objects once more, with everything in one file: $1 is the program that
# results, unstripped. SwiftPM can't be asked for it without compiling all anew under other flags.
ordinal_build_static() {
  ordinal_find_swift
  # shellcheck disable=SC2046 # package names hold no blanks
  ordinal_install $(ordinal_missing_packages)
  ordinal_static_folder=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift_static
  [ -e "$ordinal_static_folder" ] ||
    die "this Swift toolchain has no static library ($ordinal_static_folder is not there);" \
      "take one of https://www.swift.org/install/linux/"
  ordinal_log=${ordinal_log:-$_ordinal_root/.build/static-build.log}
  mkdir -p "$_ordinal_root/.build" "$(dirname "$1")"
  : >"$ordinal_log"
  ordinal_logged "$ordinal_log" ordinal_swift build --package-path "$_ordinal_root" -c release \
    --static-swift-stdlib --product ordinal || die "the build failed; its output is in $ordinal_log"
  ordinal_objects=$_ordinal_root/.build/release/ordinal.product/Objects.LinkFileList
  [ -e "$ordinal_objects" ] ||
    die "SwiftPM left no list of the program's objects at $ordinal_objects; swift build must be run" \
      "with its native build system"
  # The C library warns of what it would load at run time: names of users and hosts and plug-ins, which
  # libraries bring along and nothing here calls.
  swiftc -static-executable -emit-executable -module-name ordinal -o "$1.new" \
    -Xlinker --gc-sections -Xlinker --defsym -Xlinker main=ordinal_main "@$ordinal_objects" \
    -lbpf -lelf -lz -lzstd -lsqlite3 -lpthread >"$ordinal_log.link" 2>&1 || {
    grep -v 'warning: Using\|warning: the use of' "$ordinal_log.link" >&2
    die "the program doesn't link statically; the rest of what the linker said is in $ordinal_log.link"
  }
  # The traps among them must not be ours.
  if grep -E '/Sources/[^ ]*: warning: Using' "$ordinal_log.link" >&2; then
    die "the program itself calls what a static program can't have; see above"
  fi
  mv -f "$1.new" "$1"
}
