import SequencerABI
import SequencerCore

extension BenchmarkRing {
  /// Publishes forks, execs and exits in turn, as the kernel's programs do, up to the high water.
  func fillWithEvents() {
    let path = Array("/usr/bin/env".utf8)
    let directory = Array("src\0user\0home\0".utf8)
    let arguments = Array("env\0LANG=C\0printf\0a \"quoted\" line\n\0caf\u{E9}\0\u{7}\0".utf8)
    let comm = Array("a name with 15c".utf8)
    var number: UInt64 = 0
    while true {
      number += 1
      let kind: EventKind = number % 3 == 0 ? .fork : number % 3 == 1 ? .exec : .exit
      let strings = kind == .exec ? path.count + directory.count + arguments.count : 0
      let fixed =
        switch kind {
        case .fork: MemoryLayout<ForkPayload>.size
        case .exec: MemoryLayout<ExecPayload>.size
        default: MemoryLayout<ExitPayload>.size
        }
      let slots = (Slot.headerSize + fixed + strings + Slot.size - 1) / Slot.size
      guard hasRoom(UInt64(slots)),
        let claim = producer.claim(slots: UInt64(slots), family: .process)
      else { return }
      unsafe claim.bytes.initializeMemory(
        as: UInt8.self, repeating: 0, count: slots * Slot.size)
      unsafe claim.header.pointee.timestamp = 1_000_000_000_000 + number
      unsafe claim.header.pointee.pid = UInt32(1000 + number % 5000)
      unsafe claim.header.pointee.tid = UInt32(1000 + number % 5000)
      unsafe claim.header.pointee.processStart = 500_000_000
      unsafe claim.header.pointee.cgroup = 1
      unsafe claim.header.pointee.parentPID = 1
      let payload = unsafe claim.payload
      switch kind {
      case .fork:
        unsafe payload.storeBytes(of: UInt32(7000), toByteOffset: 0, as: UInt32.self)
        unsafe payload.storeBytes(of: UInt32(7000), toByteOffset: 4, as: UInt32.self)
        unsafe payload.storeBytes(of: 0x11_0011, toByteOffset: 24, as: UInt64.self)
        unsafe (payload + 32).copyMemory(from: comm, byteCount: comm.count)
        unsafe (payload + 48).copyMemory(from: comm, byteCount: comm.count)
      case .exec:
        unsafe payload.storeBytes(of: 6, toByteOffset: 20, as: UInt32.self)
        unsafe payload.storeBytes(of: UInt16(path.count), toByteOffset: 24, as: UInt16.self)
        unsafe payload.storeBytes(of: UInt16(directory.count), toByteOffset: 26, as: UInt16.self)
        unsafe payload.storeBytes(of: UInt32(arguments.count), toByteOffset: 28, as: UInt32.self)
        unsafe payload.storeBytes(of: UInt32(arguments.count), toByteOffset: 32, as: UInt32.self)
        unsafe (payload + 40).copyMemory(from: comm, byteCount: comm.count)
        var place = unsafe payload + fixed
        for string in [path, directory, arguments] {
          unsafe place.copyMemory(from: string, byteCount: string.count)
          unsafe place += string.count
        }
      default:
        // Killed by a signal, now and then.
        unsafe payload.storeBytes(
          of: number % 2 == 0 ? 9 : 256, toByteOffset: 0, as: UInt32.self)
        unsafe payload.storeBytes(of: 1, toByteOffset: 4, as: UInt32.self)
        unsafe payload.storeBytes(of: 12_345, toByteOffset: 16, as: UInt64.self)
        unsafe (payload + 24).copyMemory(from: comm, byteCount: comm.count)
      }
      producer.publish(
        claim, kind: kind, cpu: 0, flags: [], payloadLength: UInt32(fixed + strings))
    }
  }
}
