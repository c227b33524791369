internal import CTestSupport

/// A socket of the test's own; closed with the value.
public final class TestSocket {
  /// The families of addresses: AF_UNIX, AF_INET, AF_INET6.
  public static let unix: Int32 = 1
  public static let ipv4: Int32 = 2
  public static let ipv6: Int32 = 10

  public let descriptor: Int32
  public let family: Int32

  /// Makes one; type 1 is a stream, 2 are datagrams.
  public init(_ family: Int32, type: Int32 = 1) throws {
    self.family = family
    descriptor = test_socket(family, type)
    guard descriptor >= 0 else { throw SupportError("no socket: \(descriptor)") }
  }

  private init(descriptor: Int32, family: Int32) {
    self.descriptor = descriptor
    self.family = family
  }

  deinit { closeDescriptor(descriptor) }

  /// bind(): 0, or an error below 0.
  public func bind(_ address: String, port: Int32 = 0) -> Int32 {
    unsafe test_bind_socket(descriptor, family, address, port)
  }
  /// connect().
  public func connect(_ address: String, port: Int32 = 0) -> Int32 {
    unsafe test_connect_socket(descriptor, family, address, port)
  }
  /// listen().
  public func listen(_ backlog: Int32) -> Int32 { test_listen(descriptor, backlog) }
  /// accept4().
  public func accept() throws -> TestSocket {
    let accepted = test_accept(descriptor)
    guard accepted >= 0 else { throw SupportError("not accepted: \(accepted)") }
    return TestSocket(descriptor: accepted, family: family)
  }
  /// What getsockname() says.
  public var local: (address: String, port: Int) { address(ofPeer: false) }
  /// What getpeername() says.
  public var remote: (address: String, port: Int) { address(ofPeer: true) }

  private func address(ofPeer isPeer: Bool) -> (address: String, port: Int) {
    var text = [CChar](repeating: 0, count: 64)
    let port = unsafe test_socket_address(descriptor, isPeer ? 1 : 0, &text, 64)
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return (String(decoding: bytes, as: UTF8.self), Int(port))
  }
}

/// openat2(): a descriptor, or an error below 0.
public func openHow(_ directory: Int32, _ path: String, flags: UInt64, mode: UInt64) -> Int32 {
  unsafe test_open_how(directory, path, flags, mode)
}

/// renameat2(): 0, or an error below 0.
public func rename(
  _ from: Int32, _ path: String, to: Int32, _ other: String, flags: UInt32
) -> Int32 {
  unsafe test_rename(from, path, to, other, flags)
}

/// fchownat(): 0, or an error below 0.
public func changeOwner(
  _ directory: Int32, _ path: String, _ owner: UInt32, _ group: UInt32, flags: Int32
) -> Int32 {
  unsafe test_change_owner(directory, path, owner, group, flags)
}

/// The calling thread's id.
public var threadID: Int32 { test_thread() }
