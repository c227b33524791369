// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A connection changes its state: `trace_inet_sock_set_state(sk, oldstate, newstate)` in
/// inet_sk_state_store() and inet_sk_set_state(), net/ipv4/af_inet.c. Most change in interrupts: the current
/// task is then whoever was interrupted.
@c @section("tp_btf/inet_sock_set_state") @used
public func inet_sock_set_state(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .network, ring: ring) else { return 0 }
  let socket = unsafe Socket(address: context.argument(0))
  let family = socket.family
  let oldState = unsafe context.argument(1)
  let newState = unsafe context.argument(2)
  // Not through a draft: an interrupt may come while another program writes one.
  guard let claim = producer.claim(slots: 2, family: .network) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SocketPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.oldState = UInt8(truncatingIfNeeded: oldState)
  unsafe payload.pointee.newState = UInt8(truncatingIfNeeded: newState)
  unsafe fillState(payload, socket: socket, family: family)
  producer.publish(
    claim, kind: .tcpState, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<SocketPayload>.size))
  return 0
}

/// Writes what a change of state tells of its socket: a function of its own, for its branches.
@inline(__always)
func fillState(
  _ payload: UnsafeMutablePointer<SocketPayload>, socket: Socket, family: UInt16
) {
  let inode = socket.inodeNumber
  var bits: SocketBits = [.local, .remote, .socket, .internet]
  // A connection that is not accepted yet has no file, nor has one that is closed.
  if inode != 0 { bits.insert(.file) }
  unsafe payload.pointee.inode = inode
  unsafe payload.pointee.result = 0
  unsafe payload.pointee.descriptor = -1
  unsafe payload.pointee.family = family
  unsafe payload.pointee.type = socket.type
  unsafe payload.pointee.protocolNumber = socket.protocolNumber
  unsafe payload.pointee.bits = bits.rawValue
  unsafe payload.pointee.pathLength = 0
  unsafe payload.pointee.backlog = 0
  unsafe payload.pointee.reserved = 0
  unsafe socket.writeAddresses(to: payload, family: family)
}

/// A call on sockets ends: `trace_sys_exit(regs, ret)`. The addresses are those of the socket behind the
/// descriptor; where the call failed, those that were asked for.
@c @section("tp_btf/sys_exit") @used
public func net_act(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let callAct = call.act
  guard callAct >= UInt32(SyscallAct.connect), callAct <= UInt32(SyscallAct.socketCall) else {
    return 0
  }
  let result = unsafe Int64(bitPattern: context.argument(1))
  guard !isRestart(result) else { return 0 }
  let asked = SocketAct(call, act: callAct)
  guard asked.act != 0, let ring = KernelRing(), let draft = Draft() else { return 0 }
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .network, ring: ring) else { return 0 }
  let status = Int32(truncatingIfNeeded: result)
  let payload = unsafe draft.bytes.assumingMemoryBound(to: SocketPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe asked.writeArguments(to: payload, result: status)
  let file = asked.file(task, result: status)
  let socket = Socket(address: file.socket)
  unsafe asked.write(socket, inode: file.inodeNumber, to: payload, result: status)
  if (asked.isConnect || asked.isBind) && SocketAct.isFailed(status) {
    unsafe asked.writeAsked(to: payload, draft: draft)
  } else if unsafe payload.pointee.family == 1 {
    // AF_UNIX: the peer's name of a connect, its own of the others.
    let named = asked.isConnect ? socket.unixPeer : socket
    named.writeUnixName(to: draft)
  }
  unsafe payload.pointee.pathLength = UInt16(truncatingIfNeeded: draft.length(.path))
  draft.emit(
    asked.kindCode, family: .network, fixed: MemoryLayout<SocketPayload>.size, task: task,
    ring: ring)
  return 0
}

/// What a call asks a socket for.
struct SocketAct {
  /// The `SyscallAct`, a socketcall() resolved; 0 for one that is none of the family's.
  let act: UInt32
  let first: UInt64
  let second: UInt64
  let third: UInt64

  /// What record tells of it.
  @inline(__always) var kindCode: UInt16 {
    var code = EventKind.netListen.rawValue
    if act == UInt32(SyscallAct.connect) { code = EventKind.netConnect.rawValue }
    if act == UInt32(SyscallAct.accept) { code = EventKind.netAccept.rawValue }
    if act == UInt32(SyscallAct.bind) { code = EventKind.netBind.rawValue }
    return code
  }

  @inline(__always) init(_ call: SystemCall, act: UInt32) {
    if act != UInt32(SyscallAct.socketCall) {
      self.act = act
      first = call.argument(0)
      second = call.argument(1)
      third = call.argument(2)
      return
    }
    // SYS_BIND and its like, include/uapi/linux/net.h; the arguments lie in memory, 32 bits each.
    let number = call.argument(0)
    let arguments = call.argument(1)
    var act: UInt32 = 0
    if number == 2 { act = UInt32(SyscallAct.bind) }
    if number == 3 { act = UInt32(SyscallAct.connect) }
    if number == 4 { act = UInt32(SyscallAct.listen) }
    if number == 5 || number == 18 { act = UInt32(SyscallAct.accept) }
    self.act = act
    let pair = kit_read_user_word(arguments)
    first = pair & 0xFFFF_FFFF
    second = pair &>> 32
    third = kit_read_user_word(arguments &+ 8) & 0xFFFF_FFFF
  }

  @inline(__always) var isConnect: Bool { act == UInt32(SyscallAct.connect) }
  @inline(__always) var isAccept: Bool { act == UInt32(SyscallAct.accept) }
  @inline(__always) var isBind: Bool { act == UInt32(SyscallAct.bind) }
  @inline(__always) var isListen: Bool { act == UInt32(SyscallAct.listen) }

  /// The socket that the call is of: for an accept, the new one.
  @inline(__always) func file(_ task: Task, result: Int32) -> OpenFile {
    OpenFile(isAccept && result >= 0 ? result : Int32(truncatingIfNeeded: first), of: task)
  }

  /// Writes what the registers tell.
  @inline(__always)
  func writeArguments(to payload: UnsafeMutablePointer<SocketPayload>, result: Int32) {
    unsafe payload.pointee.result = result
    unsafe payload.pointee.descriptor = Int32(truncatingIfNeeded: first)
    unsafe payload.pointee.oldState = 0
    unsafe payload.pointee.newState = 0
    unsafe payload.pointee.backlog = isListen ? Int32(truncatingIfNeeded: second) : 0
    unsafe payload.pointee.reserved = 0
    unsafe payload.pointee.bits = 0
    unsafe payload.pointee.pathLength = 0
    unsafe payload.pointee.inode = 0
    unsafe payload.pointee.family = 0
    unsafe payload.pointee.type = 0
    unsafe payload.pointee.protocolNumber = 0
  }

  /// Writes what the kernel knows of the socket.
  @inline(__always)
  func write(
    _ socket: Socket, inode: UInt64, to payload: UnsafeMutablePointer<SocketPayload>, result: Int32
  ) {
    var bits = SocketBits()
    var family: UInt16 = 0
    if socket.address != 0 {
      family = socket.family
      bits.insert(.socket)
      bits.insert(.file)
      unsafe payload.pointee.inode = inode
      unsafe payload.pointee.type = socket.type
      unsafe payload.pointee.protocolNumber = socket.protocolNumber
    }
    unsafe socket.writeAddresses(to: payload, family: family)
    if family == 2 || family == 10 {
      bits.insert(.local)
      bits.insert(.internet)
      if isAccept && result >= 0 { bits.insert(.remote) }
      if isConnect && !SocketAct.isFailed(result) { bits.insert(.remote) }
    }
    unsafe payload.pointee.family = family
    unsafe payload.pointee.bits = bits.rawValue
  }

  /// EINPROGRESS is no failure: the kernel has the peer's address already.
  @inline(__always) static func isFailed(_ result: Int32) -> Bool { result < 0 && result != -115 }

  /// Writes the address that was asked for, where the call failed.
  @inline(__always)
  func writeAsked(to payload: UnsafeMutablePointer<SocketPayload>, draft: Draft) {
    let asked = AskedAddress(second, length: third & 0xFFFF_FFFF)
    let askedFamily = asked.family
    var bits = unsafe SocketBits(rawValue: payload.pointee.bits)
    bits.insert(.asked)
    if unsafe payload.pointee.family == 0 { unsafe payload.pointee.family = askedFamily }
    // Of another family than the socket's it is no address of the socket's.
    if unsafe askedFamily == payload.pointee.family {
      if askedFamily == 1 {
        asked.writeUnixName(to: draft)
      } else if asked.isWhole(family: askedFamily) {
        let port = asked.port
        let bytes = asked.bytes(family: askedFamily)
        if isConnect {
          bits.insert(.remote)
          unsafe payload.pointee.remote = bytes
          unsafe payload.pointee.remotePort = port
        } else {
          bits.insert(.local)
          unsafe payload.pointee.local = bytes
          unsafe payload.pointee.localPort = port
        }
      }
    }
    unsafe payload.pointee.bits = bits.rawValue
  }
}
