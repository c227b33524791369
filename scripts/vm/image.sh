# Makes the initial file systems of a virtual machine: a base with busybox, and a payload. Sourced by
# scripts/test-vm. POSIX sh.

# Copies a program with the shared libraries it needs, each to where it is here: $1 is the root, $2 the
# program, $3 where it goes (default: where it is here).
vm_copy() {
  mkdir -p "$1$(dirname "${3:-$2}")"
  cp -L "$2" "$1${3:-$2}"
  ldd "$2" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r vm_library; do
    mkdir -p "$1$(dirname "$vm_library")"
    [ -e "$1$vm_library" ] || cp -L "$vm_library" "$1$vm_library"
  done
}

# Packs a folder as the kernel wants it: $1 is the folder, $2 the file.
vm_pack() {
  # This machine's own architecture's, whatever the guest's.
  vm_fetch_busybox "$(dpkg --print-architecture)"
  (cd "$1" && find . | LC_ALL=C sort | "$vm_busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$2.new" ||
    vm_die "can't pack $1"
  mv -f "$2.new" "$2"
}

# The base for architecture $1: busybox and the first process.
vm_base() {
  vm_root=$vm_work/base-$1
  mkdir -p "$vm_root/bin" "$vm_root/sbin" "$vm_root/usr/bin" "$vm_root/usr/sbin" "$vm_root/proc" \
    "$vm_root/sys" "$vm_root/dev" "$vm_root/etc" "$vm_root/usr/share/doc"
  vm_fetch_busybox "$1"
  cp "$vm_busybox" "$vm_root/bin/busybox"
  cp "$vm_scripts/guest/init" "$vm_root/init"
  chmod 755 "$vm_root/init"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' \
    >"$vm_root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$vm_root/etc/group"
  vm_pack "$vm_root" "$vm_work/base-$1.cpio"
}

# The payload: the self-contained program, the steps, and where wanted ($1 is 1) the kernel tests of the debug build
# with the programs that they run; for a machine of architecture arm64 ($1) what was built for it.
vm_payload() {
  vm_root=$vm_work/payload
  mkdir -p "$vm_root/payload/steps"
  cp "$vm_scripts"/guest/steps/* "$vm_root/payload/steps/"
  cp "$vm_scripts/guest/parts.sh" "$vm_root/payload/"
  if [ "$1" = arm64 ]; then
    "$vm_swift/llvm-objcopy" --strip-all "$vm_cache/ordinal-arm64" "$vm_root/payload/ordinal"
    cp "$vm_cache/workload-arm64" "$vm_root/payload/workload"
  else
    strip -o "$vm_root/payload/ordinal" "$vm_cache/ordinal"
    clang -O1 -static -o "$vm_root/payload/workload" "$_ordinal_root"/Tests/Workload/*.c -lpthread ||
      vm_die "Tests/Workload doesn't compile"
  fi
  if [ "$1" = 1 ]; then
    vm_built=$_ordinal_root/.build/debug
    [ -e "$vm_built/ordinalPackageTests.xctest" ] || vm_die "no tests are built: swift build --build-tests"
    vm_copy "$vm_root" "$vm_built/ordinalPackageTests.xctest" /payload/ordinalPackageTests.xctest
    vm_copy "$vm_root" "$vm_built/ring-attack" /payload/ring-attack
    strip -g "$vm_root/payload/ordinalPackageTests.xctest" "$vm_root/payload/ring-attack"
    # What busybox has not, or has elsewhere or less of.
    for vm_tool in stress-ng strace setpriv chrt nice taskset unshare nsenter; do
      vm_path=$(command -v "$vm_tool") && vm_copy "$vm_root" "$vm_path" "/usr/bin/$vm_tool"
    done
    # A copy of busybox by another name is no sleep.
    vm_copy "$vm_root" "$(command -v sleep)" /bin/sleep
    # The tests read the schemas from where the sources were, which a guest's /tmp may hide: put there by
    # parts.sh.
    cp -R "$_ordinal_root/schema" "$vm_root/payload/schema"
    printf '%s\n' "$_ordinal_root" >"$vm_root/payload/sources"
  fi
  vm_pack "$vm_root" "$vm_work/payload.cpio"
}

# The modules that the step `extras` loads, of the kernel that was fetched last: $1 is the file.
vm_modules_image() {
  vm_fetch_modules
  vm_root=$vm_work/modules
  mkdir -p "$vm_root/payload/modules"
  for vm_module in dummy overlay; do
    vm_found=$(find "$vm_modules" -name "$vm_module.ko*" | head -n 1)
    case $vm_found in
      *.xz) xz -dc "$vm_found" >"$vm_root/payload/modules/$vm_module.ko" ;;
      *.zst) zstd -qdc "$vm_found" >"$vm_root/payload/modules/$vm_module.ko" ;;
      *.ko) cp "$vm_found" "$vm_root/payload/modules/" ;;
      *) vm_die "the packages of Linux $vm_release hold no module $vm_module" ;;
    esac
  done
  vm_pack "$vm_root" "$1"
  rm -rf "$vm_root"
}
