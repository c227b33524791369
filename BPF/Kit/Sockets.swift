// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
import CSequencerAtomics
public import SequencerABI

/// A `struct sock` (include/net/sock.h), by its address, read through the helper.
@safe public struct Socket {
  public let address: UInt64

  /// The socket at an address.
  @inline(__always) public init(address: UInt64) { self.address = address }

  @inline(__always) func half(_ offset: UInt32) -> UInt16 {
    UInt16(truncatingIfNeeded: kit_read_word(address &+ UInt64(offset)))
  }

  /// `AF_…`.
  @inline(__always) public var family: UInt16 { half(kit_offset_sock_family()) }
  /// `SOCK_…`.
  @inline(__always) public var type: UInt16 { half(kit_offset_sock_type()) }
  /// `IPPROTO_…`.
  @inline(__always) public var protocolNumber: UInt16 { half(kit_offset_sock_protocol()) }
  /// Its inode in sockfs; 0 where no file stands for it.
  @inline(__always) public var inodeNumber: UInt64 {
    let socket = kit_read_word(address &+ UInt64(kit_offset_sock_socket()))
    if socket == 0 { return 0 }
    let file = OpenFile(address: kit_read_word(socket &+ UInt64(kit_offset_socket_file())))
    return file.exists ? file.inodeNumber : 0
  }

  /// Writes both addresses and ports of a socket of IPv4 or IPv6; zeros for others.
  ///
  /// As getsockname() tells them, but for the port, which stands in `inet_sport` until after the last change of
  /// state (the kernel's own tracepoint reads it there).
  @inline(__always)
  public func writeAddresses(to payload: UnsafeMutablePointer<SocketPayload>, family: UInt16) {
    unsafe payload.pointee.local = SocketAddressBytes()
    unsafe payload.pointee.remote = SocketAddressBytes()
    unsafe payload.pointee.localPort = 0
    unsafe payload.pointee.remotePort = 0
    // AF_INET, AF_INET6.
    if family != 2 && family != 10 { return }
    unsafe payload.pointee.localPort = half(kit_offset_inet_local_port()).byteSwapped
    unsafe payload.pointee.remotePort = half(kit_offset_sock_remote_port()).byteSwapped
    if family == 2 {
      unsafe payload.pointee.local.first =
        kit_read_word(address &+ UInt64(kit_offset_sock_local4())) & 0xFFFF_FFFF
      unsafe payload.pointee.remote.first =
        kit_read_word(address &+ UInt64(kit_offset_sock_remote4())) & 0xFFFF_FFFF
    } else {
      let local = address &+ UInt64(kit_offset_sock_local6())
      let remote = address &+ UInt64(kit_offset_sock_remote6())
      unsafe payload.pointee.local.first = kit_read_word(local)
      unsafe payload.pointee.local.second = kit_read_word(local &+ 8)
      unsafe payload.pointee.remote.first = kit_read_word(remote)
      unsafe payload.pointee.remote.second = kit_read_word(remote &+ 8)
    }
  }

  /// The address of the other end of a UNIX socket.
  @inline(__always) public var unixPeer: Socket {
    Socket(address: kit_read_word(address &+ UInt64(kit_offset_unix_peer())))
  }

  /// Writes a UNIX socket's own name to the draft's first path: a path with a NUL at its end, or an abstract
  /// name with a NUL at its beginning.
  @inline(__always) public func writeUnixName(to draft: Draft) {
    if address == 0 { return }
    // struct unix_address of include/net/af_unix.h, with a struct sockaddr_un whose family is not counted.
    let name = kit_read_word(address &+ UInt64(kit_offset_unix_address()))
    if name == 0 { return }
    let length = UInt64(
      UInt32(truncatingIfNeeded: kit_read_word(name &+ UInt64(kit_offset_unix_address_length()))))
    if length <= 2 { return }
    draft[.path] = bounded(length &- 2, UInt64(SocketPayload.pathLimit))
    let bytes = bounded(draft[.path], UInt64(SocketPayload.pathLimit))
    _ = unsafe kit_read_kernel(
      draft.bytes + Int(KIT_DRAFT_PATH), UInt32(truncatingIfNeeded: bytes),
      name &+ UInt64(kit_offset_unix_address_name()) &+ 2)
  }
}

/// A `struct sockaddr` in the caller's memory.
@safe public struct AskedAddress {
  let address: UInt64
  let length: UInt64

  /// The address at a place, as it was given to a call.
  @inline(__always) public init(_ address: UInt64, length: UInt64) {
    self.address = address
    self.length = length
  }

  /// `AF_…`; 0 where it can't be read.
  @inline(__always) public var family: UInt16 {
    length < 2 ? 0 : UInt16(truncatingIfNeeded: kit_read_user_word(address))
  }
  /// Port and address of IPv4 or IPv6, include/uapi/linux/in.h and in6.h.
  @inline(__always) public var port: UInt16 {
    UInt16(truncatingIfNeeded: kit_read_user_word(address) &>> 16).byteSwapped
  }
  @inline(__always) public func bytes(family: UInt16) -> SocketAddressBytes {
    var result = SocketAddressBytes()
    if family == 2 {
      result.first = kit_read_user_word(address) &>> 32
    } else {
      result.first = kit_read_user_word(address &+ 8)
      result.second = kit_read_user_word(address &+ 16)
    }
    return result
  }
  /// Whether it is long enough for an address of the family.
  @inline(__always) public func isWhole(family: UInt16) -> Bool {
    family == 2 ? length >= 16 : family == 10 && length >= 24
  }
  /// Writes the name of a UNIX socket to the draft's first path.
  @inline(__always) public func writeUnixName(to draft: Draft) {
    if length <= 2 { return }
    draft[.path] = bounded(length &- 2, UInt64(SocketPayload.pathLimit))
    let bytes = bounded(draft[.path], UInt64(SocketPayload.pathLimit))
    let got = unsafe kit_read_user(
      draft.bytes + Int(KIT_DRAFT_PATH), UInt32(truncatingIfNeeded: bytes), address &+ 2)
    if got != 0 { draft.note(.fault) }
  }
}
