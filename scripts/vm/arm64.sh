# Builds the program for arm64. Sourced by scripts/test-vm. POSIX sh.
#
# No Swift SDK for Linux on arm64 need be had from swift.org: Debian's sid has Swift for both architectures,
# of one version, so that this machine's compiler takes the other's libraries. It runs here with sid's C library
# beside it, and nothing is installed. The package manager, and what manifests and the kernel half are compiled by, is this
# machine's own Swift; objects for BPF are of no architecture and come from the build.

# Fetches the compiler and, as its target, the libraries of arm64: sets $vm_swift and $vm_target. About 1.2 GB to
# fetch, and 1.4 GB in the cache.
vm_fetch_swift_arm64() {
  vm_swift=$vm_cache/swift-sid/usr/libexec/swift/bin
  vm_target=$vm_cache/root-arm64
  if [ -e "$vm_cache/swift-sid/.complete" ] && [ -e "$vm_target/.complete" ]; then return 0; fi
  vm_apt_setup
  vm_versions=$(for vm_each in "$vm_arch" arm64; do
    APT_CONFIG=$vm_apt/apt.conf apt-cache show "swiftlang:$vm_each/sid" | sed -n 's/^Version: \([0-9.]*\).*/\1/p' | head -n 1
  done | sort -u)
  case $vm_versions in
    "" | *"
"*) vm_unreachable "Debian's sid has no Swift of one version for $vm_arch and arm64: $(echo "$vm_versions" | tr '\n' ' ')" ;;
  esac
  # Debuggers, servers and what is for other systems is most of it.
  vm_unpack_one swift-sid "swiftlang:$vm_arch/sid" --wildcards \
    './usr/libexec/swift/bin/clang*' './usr/libexec/swift/bin/*lld' './usr/libexec/swift/bin/llvm-ar' './usr/libexec/swift/bin/llvm-objcopy' \
    './usr/libexec/swift/bin/swift-frontend' './usr/libexec/swift/bin/swift-driver' \
    './usr/libexec/swift/bin/swiftc' './usr/libexec/swift/bin/swift-autolink-extract' \
    './usr/libexec/swift/lib/swift/host/*.so' './usr/libexec/swift/lib/clang/*' \
    --exclude='*clangd' --exclude='*lldb*'
  vm_unpack_one swift-sid "libswiftlang:$vm_arch/sid"
  for vm_package in $(APT_CONFIG=$vm_apt/apt.conf apt-cache show "swiftlang:$vm_arch/sid" 2>/dev/null |
    sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' | sed 's/^ *//; s/ .*//' |
    grep -E '^(lib|zlib)' | grep -vE '^lib(python|swiftlang)'); do
    vm_unpack_one swift-sid "$vm_package:$vm_arch/sid"
  done
  # Each program names its loader and where its libraries are: no environment that what it starts would inherit.
  vm_unpack_one patchelf patchelf
  vm_libraries=$(dirname "$(find "$vm_cache/swift-sid/usr/lib" -name libc.so.6)")
  for vm_tool in "$vm_swift"/*; do
    if [ -h "$vm_tool" ] || ! [ -x "$vm_tool" ]; then continue; fi
    "$vm_cache/patchelf/usr/bin/patchelf" --set-interpreter "$(ls "$vm_libraries"/ld-linux-*)" --force-rpath \
      --set-rpath "\$ORIGIN/../lib/swift/host:\$ORIGIN/../lib/swift/host/compiler:\$ORIGIN/../lib/swift/linux:\$ORIGIN/../lib:$vm_libraries" \
      "$vm_tool" || vm_die "can't change $vm_tool"
  done
  "$vm_swift/swiftc" --version >"$vm_cache/swift-sid/version" 2>&1 ||
    vm_die "sid's Swift doesn't run here: $(head -n 3 "$vm_cache/swift-sid/version")"
  touch "$vm_cache/swift-sid/.complete"

  mkdir -p "$vm_target/usr/lib"
  ln -sfn usr/lib "$vm_target/lib"
  vm_unpack_one root-arm64 "swiftlang:arm64/sid" --wildcards './usr/libexec/swift/lib/swift/*' \
    './usr/libexec/swift/lib/swift_static/*' './usr/libexec/swift/lib/clang/*' \
    --exclude='*/embedded/*' --exclude='*/swift/host/*' --exclude='*/swift/pm/*' --exclude='*/migrator/*'
  vm_unpack_one root-arm64 libswiftlang:arm64/sid
  for vm_link in swift swift_static clang; do
    ln -sfn "../libexec/swift/lib/$vm_link" "$vm_target/usr/lib/$vm_link"
  done
  vm_gcc=$(APT_CONFIG=$vm_apt/apt.conf apt-cache search --names-only '^libgcc-[0-9]*-dev$' |
    sed 's/^libgcc-\([0-9]*\)-dev .*/\1/' | sort -n | tail -n 1)
  vm_unpack_one root-arm64 linux-libc-dev/sid
  for vm_package in libc6 libc6-dev libgcc-s1 "libgcc-$vm_gcc-dev" "libstdc++-$vm_gcc-dev"; do
    vm_unpack_one root-arm64 "$vm_package:arm64/sid"
  done
  # These as this machine has them: the sources are held against their headers.
  for vm_package in libbpf-dev libelf-dev zlib1g-dev libzstd-dev libsqlite3-dev; do
    vm_unpack_one root-arm64 "$vm_package:arm64"
  done
  touch "$vm_target/.complete"
}

# Describes compiler and target to SwiftPM: $1 is the folder.
vm_swift_sdk() {
  rm -rf "$1"
  mkdir -p "$1/arm64.artifactbundle"
  ln -s "$vm_target" "$1/arm64.artifactbundle/root"
  cat >"$1/arm64.artifactbundle/info.json" <<'END'
{"schemaVersion": "1.0", "artifacts": {
  "debian-arm64": {"type": "swiftSDK", "version": "1.0.0", "variants": [{"path": "."}]}}}
END
  cat >"$1/arm64.artifactbundle/swift-sdk.json" <<'END'
{"schemaVersion": "4.0", "targetTriples": {"aarch64-unknown-linux-gnu": {
  "sdkRootPath": "root", "swiftResourcesPath": "root/usr/lib/swift",
  "swiftStaticResourcesPath": "root/usr/lib/swift_static", "toolsetPaths": ["toolset.json"]}}}
END
  cat >"$1/arm64.artifactbundle/toolset.json" <<END
{"schemaVersion": "1.0", "rootPath": "$vm_swift",
 "swiftCompiler": {"extraCLIOptions": ["-use-ld=lld"]}}
END
}

# Makes the package that is built, of these sources: the program and what it needs, its objects for BPF as the build
# generated them. $1 is the folder.
vm_package_arm64() {
  mkdir -p "$1/BPF/Evaluation"
  ln -sfn "$_ordinal_root/Sources" "$1/Sources"
  ln -sfn "$_ordinal_root/BPF/CKit" "$1/BPF/CKit"
  ln -sfn "$_ordinal_root/BPF/Evaluation/CKit" "$1/BPF/Evaluation/CKit"
  for vm_objects in KernelObjects: EvaluationObjects:/Evaluation; do
    vm_embedding=BPF${vm_objects#*:}/Embedding
    vm_objects=${vm_objects%:*}
    ordinal_swift build --package-path "$_ordinal_root" -c release --target "$vm_objects" ||
      vm_die "$vm_objects can't be built"
    vm_generated=$(find "$_ordinal_root/.build/plugins/outputs" -name "$vm_objects.swift" | head -n 1)
    [ -n "$vm_generated" ] || vm_die "the build left no $vm_objects.swift"
    rm -rf "${1:?}/$vm_embedding"
    mkdir -p "$1/$vm_embedding"
    cp -p "$_ordinal_root/$vm_embedding"/*.swift "$vm_generated" "$1/$vm_embedding/"
  done
  # Another version of Swift warns of other things, and this machine's pkg-config tells of its own libraries.
  sed -e '/treatAllWarnings/d' -e 's/, pkgConfig: "[^"]*"//' "$_ordinal_root/Package.swift" >"$1/Package.swift.new"
  cat >>"$1/Package.swift.new" <<END

var wanted: Set<String> = []
var queue = ["ordinal"]
while let name = queue.popLast() {
  guard wanted.insert(name).inserted, let target = package.targets.first(where: { \$0.name == name })
  else { continue }
  target.plugins = nil
  for dependency in target.dependencies {
    if case .byNameItem(let name, _) = dependency { queue.append(name) }
  }
}
package.targets.removeAll { !wanted.contains(\$0.name) }
package.products = [.executable(name: "ordinal", targets: ["ordinal"])]
package.dependencies = [.package(path: "$_ordinal_root/.build/checkouts/swift-argument-parser")]
END
  if cmp -s "$1/Package.swift.new" "$1/Package.swift"; then
    rm "$1/Package.swift.new"
  else
    mv "$1/Package.swift.new" "$1/Package.swift"
  fi
}

# Builds the self-contained program for arm64, and the workload: $1 and $2 are the files.
vm_build_arm64() {
  ordinal_find_swift
  vm_fetch_swift_arm64
  vm_log=$vm_cache/arm64-build.log
  vm_swift_sdk "$vm_cache/sdk-arm64"
  echo "test-vm: building for arm64" >&2
  vm_package_arm64 "$vm_cache/package-arm64" >"$vm_log" 2>&1 ||
    vm_die "the objects for BPF don't build; the output is in $vm_log"
  # Exported to this build alone: a function's assignments may stay.
  (
    export SWIFT_EXEC="$vm_swift/swiftc" SWIFT_EXEC_MANIFEST="$(command -v swiftc)"
    ordinal_swift build --package-path "$vm_cache/package-arm64" -c release \
      --swift-sdks-path "$vm_cache/sdk-arm64" --swift-sdk debian-arm64 --static-swift-stdlib \
      -Xlinker -lelf -Xlinker -lz --product ordinal
  ) >>"$vm_log" 2>&1 ||
    vm_die "the program doesn't build for arm64; the output is in $vm_log"
  # As scripts/static.sh does for this machine.
  "$vm_swift/swiftc" -target aarch64-unknown-linux-gnu -sdk "$vm_target" \
    -resource-dir "$vm_target/usr/lib/swift_static" -static-executable -use-ld=lld -emit-executable \
    -module-name ordinal -o "$1" -Xlinker --gc-sections -Xlinker --defsym -Xlinker main=ordinal_main \
    "@$vm_cache/package-arm64/.build/aarch64-unknown-linux-gnu/release/ordinal.product/Objects.LinkFileList" \
    -lbpf -lelf -lz -lzstd -lsqlite3 -lpthread >>"$vm_log" 2>&1 ||
    vm_die "the program doesn't link for arm64; the output is in $vm_log"
  "$vm_swift/clang" --target=aarch64-linux-gnu --sysroot="$vm_target" -fuse-ld=lld -O1 -static -o "$2" \
    "$_ordinal_root"/Tests/Workload/*.c -lpthread >>"$vm_log" 2>&1 ||
    vm_die "Tests/Workload doesn't compile for arm64; the output is in $vm_log"
}
