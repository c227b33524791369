# Shared by ./ordinal and ./test: finds a Swift toolchain, installs what is missing, builds.
# POSIX sh. Sourced in a subshell of ./ordinal with _ordinal_root and _ordinal_program set.

ordinal_swift_major=6
ordinal_swift_minor=3 # @c, @section and @used, in which the kernel half is written

say() { printf 'ordinal: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 125
}

# Whether the toolchain in this folder is new enough.
ordinal_toolchain_fits() {
  [ -x "$1/swift" ] || return 1
  ordinal_version=$("$1/swift" --version 2>/dev/null |
    sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
  # The toolchain may be there and not start, for want of a library; that is installed later.
  [ -n "$ordinal_version" ] || { [ -n "$(ordinal_missing_libraries "$1")" ] && return 0; }
  [ "${ordinal_version% *}" -gt "$ordinal_swift_major" ] 2>/dev/null ||
    { [ "${ordinal_version% *}" = "$ordinal_swift_major" ] &&
      [ "${ordinal_version#* }" -ge "$ordinal_swift_minor" ]; }
}

# Puts a Swift toolchain at the front of PATH: the one there, else one from the usual places.
ordinal_find_swift() {
  ordinal_homes=$HOME
  if [ -n "${SUDO_USER:-}" ]; then
    ordinal_homes="$ordinal_homes $(getent passwd "$SUDO_USER" | cut -d: -f6)"
  fi
  ordinal_seen=$(command -v swift 2>/dev/null) || ordinal_seen=
  set -- "${ordinal_seen%/*}"
  for ordinal_home in $ordinal_homes; do
    set -- "$@" "$ordinal_home"/.local/share/swiftly/bin "$ordinal_home"/.swiftly/bin \
      "$ordinal_home"/swift*/usr/bin "$ordinal_home"/.local/share/swiftly/toolchains/*/usr/bin
  done
  set -- "$@" /opt/*/usr/bin /usr/local/swift*/usr/bin /usr/local/bin /usr/share/swift/usr/bin \
    /usr/libexec/swift/*/bin /usr/libexec/swift/bin
  for ordinal_bin in "$@"; do
    if [ -n "$ordinal_bin" ] && ordinal_toolchain_fits "$ordinal_bin"; then
      PATH=$ordinal_bin:$PATH
      export PATH
      return 0
    fi
  done
  ordinal_need="Swift $ordinal_swift_major.$ordinal_swift_minor or newer"
  if [ -n "$ordinal_seen" ]; then ordinal_need="$ordinal_need ($ordinal_seen is older)"; fi
  die "$ordinal_need is needed to build; install it from https://www.swift.org/install/linux/" \
    "(its bin folder on PATH, or unpacked under /opt) and run this again"
}

# The shared libraries that a toolchain's programs lack, one a line.
ordinal_missing_libraries() {
  for ordinal_tool in swift-frontend swift-build swift-test clang lld; do
    if [ -e "$1/$ordinal_tool" ]; then ldd "$1/$ordinal_tool" 2>/dev/null; fi
  done | sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | sort -u
}

# The packages that a build lacks, one a line, by Debian's names.
ordinal_missing_packages() {
  command -v pkg-config >/dev/null || echo pkg-config
  [ -e /usr/include/bpf/libbpf.h ] || pkg-config --exists libbpf 2>/dev/null || echo libbpf-dev
  [ -e /usr/include/zstd.h ] || pkg-config --exists libzstd 2>/dev/null || echo libzstd-dev
  [ -e /usr/include/sqlite3.h ] || pkg-config --exists sqlite3 2>/dev/null || echo libsqlite3-dev
  command -v git >/dev/null || echo git
  [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  # The C library's headers, the compiler's start files, the C++ headers that Swift's linker wants.
  [ -e /usr/include/stdio.h ] || echo libc6-dev
  set -- /usr/lib/gcc*/*/*/crtbegin.o
  if [ -e "$1" ]; then set -- /usr/include/c++/*; fi
  [ -e "$1" ] || echo g++
  ordinal_bin=$(command -v swift)
  for ordinal_library in $(ordinal_missing_libraries "$(dirname "$(readlink -f "$ordinal_bin")")"); do
    case $ordinal_library in
      libcurl.so.4) echo libcurl4 ;;
      libxml2.so.2) echo libxml2 ;;
      libsqlite3.so.0) echo libsqlite3-0 ;;
      libncurses*.so.6 | libtinfo.so.6 | libpanel*.so.6 | libform*.so.6) echo libncurses6 ;;
      libedit.so.2) echo libedit2 ;;
      libstdc++.so.6) echo libstdc++6 ;;
      libgcc_s.so.1) echo libgcc-s1 ;;
      libz.so.1) echo zlib1g ;;
      libuuid.so.1) echo libuuid1 ;;
      libz3.so.4) echo libz3-4 ;;
    esac
  done
}

# Installs the named packages, saying so before; says what to do where that can't be done.
ordinal_install() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null ||
    die "missing: $*; there is no apt-get here, install these by their names on this system"
  ordinal_as_root=
  if [ "$(id -u)" != 0 ]; then
    # Without a terminal nobody could answer sudo.
    if command -v sudo >/dev/null && { [ -t 2 ] || sudo -n true 2>/dev/null; }; then
      ordinal_as_root=sudo
    else
      die "missing: $*; as root: apt-get install --no-install-recommends $*"
    fi
  fi
  say "installing with apt-get: $*"
  for ordinal_package in "$@"; do
    apt-cache show "$ordinal_package" >/dev/null 2>&1 || { ordinal_update && break; }
  done
  ordinal_apt install -y --no-install-recommends "$@" || {
    # The package list may be too old for the mirror.
    ordinal_update && ordinal_apt install -y --no-install-recommends "$@"
  } || die "apt-get could not install: $*; see above, then run this again"
}

ordinal_update() {
  say "fetching the package list (apt-get update)"
  ordinal_apt update
}

ordinal_apt() {
  $ordinal_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2 </dev/null
}

# Runs a command with its output to standard error and to a log; exits with its status.
ordinal_logged() {
  ordinal_log=$1
  shift
  { "$@" 2>&1 </dev/null; echo "$?" >"$ordinal_log.status"; } | tee -a "$ordinal_log" >&2
  ordinal_status=$(cat "$ordinal_log.status")
  rm -f "$ordinal_log.status"
  return "$ordinal_status"
}

# Calls swift; once more where a signal ended it: the toolchain crashed (6.3.1's package manager was seen to
# in one of many builds), which says nothing about the sources. Its errors don't come from signals.
ordinal_swift() {
  ordinal_swift_status=0
  swift "$@" </dev/null || ordinal_swift_status=$?
  case $ordinal_swift_status in
    # SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV
    132 | 133 | 134 | 135 | 139) ;;
    *) return "$ordinal_swift_status" ;;
  esac
  say "swift crashed (status $ordinal_swift_status); trying once more"
  swift "$@" </dev/null
}

# Builds the program under a lock; a second caller waits and finds it built.
ordinal_build_program() {
  mkdir -p "$_ordinal_root/.build/installed" 2>/dev/null && [ -w "$_ordinal_root/.build" ] ||
    die "can't write $_ordinal_root/.build; build once as its owner, or remove it"
  exec 9>>"$_ordinal_root/.build/ordinal.lock" || exit 125
  if ! flock -n 9; then
    say "another call is building; waiting for it"
    flock 9
    if _ordinal_is_fresh; then return 0; fi
  fi
  ordinal_find_swift
  # shellcheck disable=SC2046 # package names hold no blanks
  ordinal_install $(ordinal_missing_packages) 9>&-
  ordinal_log=$_ordinal_root/.build/ordinal-build.log
  : >"$ordinal_log"
  # Whatever is changed during the build is newer than its beginning.
  touch "$_ordinal_root/.build/ordinal.begun"
  say "building (release); this takes some minutes the first time"
  ordinal_build_release || die "the build failed; its output is in $ordinal_log"
  cp "$_ordinal_root/.build/release/ordinal" "$_ordinal_program.new" &&
    mv -f "$_ordinal_program.new" "$_ordinal_program" &&
    mv -f "$_ordinal_root/.build/ordinal.begun" "$_ordinal_root/.build/ordinal.stamp" ||
    die "can't put the built program at $_ordinal_program"
  say "built"
}

ordinal_build_release() {
  set -- ordinal_swift build --package-path "$_ordinal_root" -c release --product ordinal
  ordinal_usr=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
  if [ -e "$ordinal_usr/lib/swift_static" ]; then
    ordinal_logged "$ordinal_log" "$@" --static-swift-stdlib 9>&- && return 0
    # An error of the compiler would only come again.
    grep -q 'link command failed\|linker command failed\|undefined reference' "$ordinal_log" ||
      return 1
    say "the toolchain's static library doesn't link here; building with the shared one"
  fi
  ordinal_logged "$ordinal_log" "$@" 9>&-
}
