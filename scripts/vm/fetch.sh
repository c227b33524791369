# Fetches what a virtual machine is made of: QEMU, Debian's kernels, busybox. Sourced by scripts/test-vm
# with $vm_cache set. POSIX sh.
#
# All comes from the mirror that this machine's own apt sources name, by a configuration of its own:
# releases beside this machine's are visible there and nowhere else, packages are unpacked into the cache,
# and nothing is installed.

vm_die() {
  printf 'test-vm: %s\n' "$*" >&2
  exit 1
}

# Ends with 75 (sysexits' EX_TEMPFAIL): the mirror is at fault, and nothing was tested.
vm_unreachable() {
  printf 'test-vm: %s\n' "$*" >&2
  exit 75
}

# Sets $vm_uri, $vm_codename and $vm_arch from this machine.
vm_mirror() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    vm_die "kernels and QEMU come as Debian packages; this needs apt-get and dpkg-deb"
  vm_uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list \
    2>/dev/null | grep -v '^#' | grep -oE '[a-z+]+://[^ ]*/debian/?( |$)' | head -n 1)
  vm_uri=${vm_uri% }
  [ -n "$vm_uri" ] || vm_die "no Debian mirror in /etc/apt; add one, e.g. in /etc/apt/sources.list"
  vm_codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  vm_arch=$(dpkg --print-architecture)
}

# Writes the private configuration once and fetches the package lists where they are older than a day.
vm_apt_setup() {
  [ -z "${vm_apt_ready:-}" ] || return 0
  vm_apt_ready=1
  vm_mirror
  vm_apt=$vm_cache/apt
  mkdir -p "$vm_apt/lists/partial" "$vm_apt/cache/archives/partial" "$vm_apt/parts"
  vm_keys=$(ls /usr/share/keyrings/debian-archive-keyring.* 2>/dev/null | head -n 1)
  : >"$vm_apt/sources.list.new"
  : >"$vm_apt/preferences"
  # This machine's release first, so that QEMU fits its libraries; the others for their kernels only.
  for vm_suite in "$vm_codename" "$vm_codename-backports" bookworm bookworm-backports trixie \
    trixie-backports sid; do
    case $(cat "$vm_apt/sources.list.new") in *" $vm_suite main"*) continue ;; esac
    echo "deb [arch=amd64,arm64 signed-by=$vm_keys] $vm_uri $vm_suite main" \
      >>"$vm_apt/sources.list.new"
    vm_priority=1
    if [ "$vm_suite" = "$vm_codename" ]; then vm_priority=900; fi
    if [ "$vm_suite" = "$vm_codename-backports" ]; then vm_priority=600; fi
    printf 'Package: *\nPin: release n=%s\nPin-Priority: %s\n\n' "$vm_suite" "$vm_priority" \
      >>"$vm_apt/preferences"
  done
  cat >"$vm_apt/apt.conf" <<END
Dir::State::lists "$vm_apt/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$vm_apt/cache";
Dir::Etc::sourcelist "$vm_apt/sources.list";
Dir::Etc::sourceparts "$vm_apt/parts";
Dir::Etc::preferences "$vm_apt/preferences";
Dir::Etc::preferencesparts "$vm_apt/parts";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
END
  if ! cmp -s "$vm_apt/sources.list.new" "$vm_apt/sources.list" || [ "${vm_refresh:-0}" = 1 ] ||
    [ -z "$(find "$vm_apt/updated" -mmin -1440 2>/dev/null)" ]; then
    echo "test-vm: fetching package lists" >&2
    cp "$vm_apt/sources.list.new" "$vm_apt/sources.list"
    vm_apt_get update >"$vm_apt/update.log" 2>&1 ||
      vm_unreachable "the package lists can't be fetched: $(tail -n 3 "$vm_apt/update.log")"
    touch "$vm_apt/updated"
  fi
}

vm_apt_get() { APT_CONFIG=$vm_apt/apt.conf apt-get -q -y "$@" </dev/null; }

# Unpacks packages, with all that they need beyond what this machine has, into the cache: $1 is the
# folder's name, the rest are packages.
vm_unpack() {
  vm_folder=$vm_cache/$1
  [ ! -e "$vm_folder/.complete" ] || return 0
  shift
  vm_apt_setup
  echo "test-vm: fetching $*" >&2
  rm -rf "$vm_folder" "$vm_apt/cache/archives"
  mkdir -p "$vm_folder" "$vm_apt/cache/archives/partial"
  vm_apt_get install --download-only "$@" >"$vm_apt/download.log" 2>&1 ||
    vm_unreachable "can't fetch $*: $(grep '^[EW]:' "$vm_apt/download.log" | tail -n 3)"
  for vm_deb in "$vm_apt"/cache/archives/*.deb; do
    dpkg-deb -x "$vm_deb" "$vm_folder" || vm_die "can't unpack $vm_deb"
  done
  rm -rf "$vm_apt/cache/archives"
  touch "$vm_folder/.complete"
}

# Unpacks one package without what it depends on: $1 is the folder's name, $2 the package; the rest is for tar, where not
# all of it is wanted.
vm_unpack_one() {
  mkdir -p "$vm_cache/$1"
  vm_have=$vm_cache/$1/.have.$(echo "$2" | tr / _)
  [ ! -e "$vm_have" ] || return 0
  vm_apt_setup
  echo "test-vm: fetching $2" >&2
  mkdir -p "$vm_cache/download"
  rm -f "$vm_cache"/download/*
  (cd "$vm_cache/download" && vm_apt_get download "$2") >"$vm_apt/download.log" 2>&1 ||
    vm_unreachable "can't fetch $2: $(grep '^[EW]:' "$vm_apt/download.log" | tail -n 3)"
  vm_into=$vm_cache/$1 vm_wanted_package=$2
  shift 2
  {
    dpkg-deb --fsys-tarfile "$vm_cache"/download/*.deb || echo failed >"$vm_cache/download/failed"
  } | tar -C "$vm_into" -xf - --keep-directory-symlink "$@" && [ ! -e "$vm_cache/download/failed" ] ||
    vm_die "can't unpack $vm_wanted_package"
  rm -rf "$vm_cache/download"
  : >"$vm_have"
}

# QEMU for the machine $1 (x86_64 or aarch64): 10 or newer where this release's backports have it, which is steadier than 7.2 with
# many CPUs.
vm_fetch_qemu() {
  vm_qemu_folder=$vm_cache/qemu-$1
  if [ ! -e "$vm_qemu_folder/.complete" ]; then
    vm_apt_setup
    case $1 in x86_64) vm_package=qemu-system-x86 ;; *) vm_package=qemu-system-arm ;; esac
    vm_release=$vm_codename
    if APT_CONFIG=$vm_apt/apt.conf apt-cache madison "$vm_package" |
      grep -q " $vm_codename-backports/"; then
      vm_release=$vm_codename-backports
    fi
    vm_unpack "qemu-$1" -t "$vm_release" "$vm_package"
  fi
  vm_qemu=$vm_qemu_folder/usr/bin/qemu-system-$1
}

vm_run_qemu() {
  vm_libraries=$(find "$vm_qemu_folder/lib" "$vm_qemu_folder/usr/lib" -maxdepth 1 -name '*-linux-gnu' \
    2>/dev/null | tr '\n' :)
  LD_LIBRARY_PATH=${vm_libraries%:} \
    timeout -k 10 "$vm_limit" "$vm_qemu" -L "$vm_qemu_folder/usr/share/qemu" \
    -L "$vm_qemu_folder/usr/share/seabios" -L "$vm_qemu_folder/usr/lib/ipxe/qemu" "$@"
}

vm_fetch_busybox() {
  vm_unpack_one "busybox-$1" "busybox-static:$1"
  vm_busybox=$(ls "$vm_cache/busybox-$1/bin/busybox" "$vm_cache/busybox-$1/usr/bin/busybox" \
    2>/dev/null | head -n 1)
  [ -n "$vm_busybox" ] || vm_die "busybox-static holds no busybox"
}

# The releases of Debian's kernels for architecture $1, oldest first: for machines in a cloud, which have the
# drivers needed here built in.
vm_kernels() {
  vm_apt_setup
  APT_CONFIG=$vm_apt/apt.conf apt-cache search --names-only "^linux-image-[0-9].*-cloud-$1\$" |
    sed -n 's/^linux-image-\([^ ]*\) .*/\1/p' | sort -uV
}

# Finds the kernel $1 (newest, 6.1, 6.12, or a release in full) for architecture $2 and fetches it: sets $vm_release and
# $vm_vmlinuz. What was fetched once is taken from the cache as long as it is asked for by the same name.
vm_fetch_kernel() {
  vm_name=$vm_cache/kernel-$2-$1.release
  if [ ! -e "$vm_name" ] || [ "${vm_refresh:-0}" = 1 ]; then
    vm_apt_setup
    case $1 in
      newest) vm_release=$(vm_kernels "$2" | tail -n 1) ;;
      *)
        vm_pattern=$(printf '%s' "$1" | sed 's/[.+]/\\&/g')
        vm_release=$(vm_kernels "$2" | grep -E "^$vm_pattern([.+-]|\$)" | tail -n 1)
        ;;
    esac
    [ -n "$vm_release" ] ||
      vm_die "Debian has no kernel '$1' for $2; it has $(vm_kernels "$2" | tr '\n' ' ')"
    vm_folder=kernel-$vm_release
    # 6.16 and newer keep the image itself in a package of its own.
    vm_image=linux-image-$vm_release:$2
    if APT_CONFIG=$vm_apt/apt.conf apt-cache show "linux-binary-$vm_release:$2" >/dev/null 2>&1; then
      vm_image=linux-binary-$vm_release:$2
    fi
    vm_unpack_one "$vm_folder" "$vm_image"
    echo "$vm_release" >"$vm_name"
  fi
  vm_release=$(cat "$vm_name")
  vm_kernel_arch=$2
  # Newer packages have it beside the modules.
  vm_vmlinuz=$(find "$vm_cache/kernel-$vm_release" -type f -name 'vmlinuz*' | head -n 1)
  [ -n "$vm_vmlinuz" ] || vm_die "the packages of Linux $vm_release hold no image"
}

# The modules of the kernel that was fetched last, as its packages have them: sets $vm_modules, their folder.
vm_fetch_modules() {
  vm_modules=$vm_cache/kernel-$vm_release
  if [ -z "$(find "$vm_modules" -name 'dummy.ko*' | head -n 1)" ]; then
    # Newer kernels have them in a package of their own.
    vm_unpack_one "kernel-$vm_release" "linux-modules-$vm_release:$vm_kernel_arch"
  fi
}
