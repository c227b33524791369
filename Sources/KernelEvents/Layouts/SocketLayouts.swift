import SequencerABI

extension EventLayout {
  private typealias Act = MemoryLayout<SocketPayload>

  static let tcpState = EventLayout(
    .tcpState,
    "A connection goes from one state to another; the task is whoever ran then, often by an interrupt.",
    source: "inet_sock_set_state, inet_sk_state_store() in net/ipv4/af_inet.c", size: Act.size,
    fields: [
      EventField(
        "old_state", at: Act.offset(of: \.oldState), 1, .named(.tcpState), "The state before."),
      EventField(
        "new_state", at: Act.offset(of: \.newState), 1, .named(.tcpState), "The state after."),
      family, type, protocolNumber, local, remote,
      inode(
        "Inode of the socket, as in /proc/PID/fd; null before it is accepted and after it is closed."
      ),
    ])

  static let netConnect = EventLayout(
    .netConnect, "A socket is connected to an address, or can't be.",
    source: "sys_exit of connect, socketcall; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error, of which EINPROGRESS means that it goes on."),
      descriptor, family, type, protocolNumber, local, remote, requested,
      inode(inodeAbout),
    ], strings: [path("UNIX: the peer's path, or its abstract name, which begins with a NUL.")])

  static let netAccept = EventLayout(
    .netAccept, "A connection is accepted, or can't be.",
    source: "sys_exit of accept, accept4, socketcall; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("The new socket's descriptor; -4095 to -1 is an error."),
      descriptor, family, type, protocolNumber, local, remote,
      inode("Inode of the new socket, of the listening one where the call failed."),
    ], strings: [path("UNIX: the path that was listened at, or the abstract name.")])

  static let netBind = EventLayout(
    .netBind, "A socket gets its own address, or can't.",
    source: "sys_exit of bind, socketcall; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      descriptor, family, type, protocolNumber, local, requested, inode(inodeAbout),
    ], strings: [path("UNIX: the path, or the abstract name, which begins with a NUL.")])

  static let netListen = EventLayout(
    .netListen, "A socket is made to wait for connections, or can't be.",
    source: "sys_exit of listen, socketcall; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      descriptor, family, type, protocolNumber, local,
      EventField(
        "backlog", at: Act.offset(of: \.backlog), 4, .signed,
        "How many connections may wait, as the caller asked."),
      inode(inodeAbout),
    ], strings: [path("UNIX: the path, or the abstract name, which begins with a NUL.")])

  private static func has(_ bit: SocketBits) -> FieldCondition {
    .bits(bit.rawValue, at: Act.offset(of: \.bits) ?? 0)
  }
  private static func result(_ about: StaticString) -> EventField {
    EventField("result", at: Act.offset(of: \.result), 4, .result, about)
  }
  private static func inode(_ about: StaticString) -> EventField {
    EventField("inode", at: Act.offset(of: \.inode), 8, .numberIf(has(.file)), about)
  }
  private static func path(_ about: StaticString) -> EventString {
    EventString(
      "path", length: Act.offset(of: \.pathLength), limit: SocketPayload.pathLimit, .socketName,
      about)
  }
  private static let inodeAbout: StaticString =
    "Inode of the socket, as in /proc/PID/fd; null where the descriptor is no socket."
  private static let descriptor = EventField(
    "fd", at: Act.offset(of: \.descriptor), 4, .signed, "The descriptor that the call was given.")
  private static let family = EventField(
    "family", at: Act.offset(of: \.family), 2, .named(.addressFamily),
    "The family of addresses.")
  private static let type = EventField(
    "socket_type", at: Act.offset(of: \.type), 2, .namedIf(.socketType, has(.socket)),
    "The socket's type; null where the descriptor is no socket.")
  private static let protocolNumber = EventField(
    "protocol", at: Act.offset(of: \.protocolNumber), 2, .namedIf(.ipProtocol, has(.internet)),
    "The socket's protocol; null where it is none of IPv4 or IPv6.")
  private static let local = EventField(
    "local", at: Act.offset(of: \.local), 16,
    .address(
      family: Act.offset(of: \.family) ?? 0, port: Act.offset(of: \.localPort) ?? 0, has(.local)),
    "The socket's own address; null where it has none of IPv4 or IPv6.")
  private static let remote = EventField(
    "remote", at: Act.offset(of: \.remote), 16,
    .address(
      family: Act.offset(of: \.family) ?? 0, port: Act.offset(of: \.remotePort) ?? 0, has(.remote)),
    "The peer's address; null where there is none of IPv4 or IPv6.")
  private static let requested = EventField(
    "requested", at: Act.offset(of: \.bits), 2, .bit(SocketBits.asked.rawValue),
    "Whether the address is what the caller asked for, as the call failed; else it is the socket's."
  )
}

extension NumberNames {
  /// Protocols that sockets have (include/uapi/linux/in.h, in6.h).
  static let ipProtocol = NumberNames([
    (0, "IPPROTO_IP"), (1, "IPPROTO_ICMP"), (6, "IPPROTO_TCP"), (17, "IPPROTO_UDP"),
    (33, "IPPROTO_DCCP"), (58, "IPPROTO_ICMPV6"), (132, "IPPROTO_SCTP"), (136, "IPPROTO_UDPLITE"),
    (255, "IPPROTO_RAW"), (262, "IPPROTO_MPTCP"),
  ])
}
