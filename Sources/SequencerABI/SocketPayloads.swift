/// Payload of the kinds of ``EventFamily/network``; the path of a UNIX socket follows directly.
///
/// For ``EventKind/tcpState`` the header tells of the task that was running, which the socket need not belong
/// to: most states change in interrupts. Source: `inet_sk_state_store()` in net/ipv4/af_inet.c, tracepoint
/// `inet_sock_set_state`; the others at the call's exit, tracepoint `sys_exit`.
public struct SocketPayload: BitwiseCopyable, Sendable {
  /// Name of the running task.
  public var comm: TaskComm
  /// Inode of the socket in sockfs, as in `/proc/PID/fd`; valid with ``SocketBits/file``.
  public var inode: UInt64
  /// What the call returned: 0 or a descriptor, or an errno below 0.
  public var result: Int32
  /// The descriptor that the call was given.
  public var descriptor: Int32
  /// Its family of addresses: `AF_…`.
  public var family: UInt16
  /// Its type: `SOCK_…`.
  public var type: UInt16
  /// Its protocol: `IPPROTO_…`.
  public var protocolNumber: UInt16
  /// The state before: `TCP_…`.
  public var oldState: UInt8
  /// The state after.
  public var newState: UInt8
  /// Its own address, in the order of the network; IPv4 in the first four bytes.
  public var local: SocketAddressBytes
  /// The peer's.
  public var remote: SocketAddressBytes
  /// Its own port.
  public var localPort: UInt16
  /// The peer's.
  public var remotePort: UInt16
  /// A set of ``SocketBits``.
  public var bits: UInt16
  /// Bytes of the path, of an abstract name with its first NUL.
  public var pathLength: UInt16
  /// Connections that may wait to be accepted, as listen() was asked.
  public var backlog: Int32
  public var reserved: UInt32

  /// Bytes of the path at most: `sun_path` of `struct sockaddr_un`.
  @inlinable public static var pathLimit: Int { 108 }
}

/// An IPv6 address, or an IPv4 one in the first four bytes.
public struct SocketAddressBytes: BitwiseCopyable, Sendable {
  public var first: UInt64
  public var second: UInt64
  @inlinable public init() {
    first = 0
    second = 0
  }
}

/// The bits of ``SocketPayload/bits``.
public struct SocketBits: OptionSet, Sendable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// `local` and `localPort` are valid.
  @inlinable public static var local: SocketBits { SocketBits(rawValue: 1 << 0) }
  /// `remote` and `remotePort` are valid.
  @inlinable public static var remote: SocketBits { SocketBits(rawValue: 1 << 1) }
  /// The address of the act (the remote one of a connect, the local one of a bind) is the one that was asked
  /// for, from the caller's memory.
  @inlinable public static var asked: SocketBits { SocketBits(rawValue: 1 << 2) }
  /// There is a socket: `type` is valid.
  @inlinable public static var socket: SocketBits { SocketBits(rawValue: 1 << 3) }
  /// It is one of IPv4 or IPv6: `protocolNumber` is an `IPPROTO_…`.
  @inlinable public static var internet: SocketBits { SocketBits(rawValue: 1 << 4) }
  /// `inode` is valid: a file stands for the socket.
  @inlinable public static var file: SocketBits { SocketBits(rawValue: 1 << 5) }
}
