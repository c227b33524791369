import CFuzzing
import Glibc

/// libFuzzer over one target, which the environment variable FUZZ_TARGET names; the arguments are
/// libFuzzer's own. Or `pack FOLDER FILE`, `unpack FILE FOLDER`. `scripts/fuzz.sh` calls it.
@main struct Driver {
  static func main() throws {
    let given = CommandLine.arguments
    if given.count == 4, given[1] == "pack" { return try Pack.pack(given[2], given[3]) }
    if given.count == 4, given[1] == "unpack" { return try Pack.unpack(given[2], given[3]) }
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      print("FUZZ_TARGET='\(name)' is no target; there are: \(names)")
      exit(2)
    }
    unsafe chosen = target
    var count = CommandLine.argc
    var words = unsafe Optional(CommandLine.unsafeArgv)
    let status = unsafe withUnsafeMutablePointer(to: &words) { words in
      // The C function takes `char ***`; the array's elements are pointers all the same.
      unsafe words.withMemoryRebound(
        to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
      ) { unsafe LLVMFuzzerRunDriver(&count, $0, tryOne) }
    }
    exit(status)
  }
}

/// Written once, before the driver runs.
private nonisolated(unsafe) var chosen = FuzzTarget.record

private func tryOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // libFuzzer lends the bytes for the call; the copy is what the target may keep.
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  do { try unsafe chosen.run(bytes) } catch { fatalError("\(error)") }
  return 0
}
