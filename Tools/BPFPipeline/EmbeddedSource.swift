/// The Swift file that carries objects inside a program, so that one file is installed.
package enum EmbeddedSource {
  /// The source of an enum `name` with a property for each object. It needs no import.
  package static func make(
    enumName: String, objects: [(name: String, bytes: [UInt8])]
  ) -> String {
    let properties = objects.map { object in
      """
        /// The object `\(object.name)`, \(object.bytes.count) bytes.
        public static let \(object.name) = EmbeddedObject(
          name: "\(object.name)", byteCount: \(object.bytes.count),
          base64:
            "\(Base64.encode(object.bytes))"
        )

      """
    }
    return """
      // Made by bpf-build; changes are lost with the next build.

      /// A BPF object that the build put into this program.
      public struct EmbeddedObject: Sendable {
        /// The object's name in the manifest.
        public let name: String
        /// The size of the ELF file.
        public let byteCount: Int
        private let base64: StaticString

        fileprivate init(name: String, byteCount: Int, base64: StaticString) {
          self.name = name
          self.byteCount = byteCount
          self.base64 = base64
        }

        /// Decodes the ELF file; a new copy with each call.
        public func bytes() -> [UInt8] {
          var result: [UInt8] = []
          result.reserveCapacity(byteCount)
          var word: UInt32 = 0
          var digits = 0
          base64.withUTF8Buffer { text in
            for index in 0..<text.count {
              // Within the buffer: the index comes from its own count.
              let character = unsafe text[index]
              let digit: UInt8
              switch character {
              case 0x41...0x5A: digit = character - 0x41
              case 0x61...0x7A: digit = character - 0x61 + 26
              case 0x30...0x39: digit = character - 0x30 + 52
              case 0x2B: digit = 62
              case 0x2F: digit = 63
              default: continue
              }
              word = word << 6 | UInt32(digit)
              digits += 1
              if digits == 4 {
                result.append(UInt8(truncatingIfNeeded: word >> 16))
                result.append(UInt8(truncatingIfNeeded: word >> 8))
                result.append(UInt8(truncatingIfNeeded: word))
                word = 0
                digits = 0
              }
            }
          }
          if digits == 3 {
            result.append(UInt8(truncatingIfNeeded: word >> 10))
            result.append(UInt8(truncatingIfNeeded: word >> 2))
          } else if digits == 2 {
            result.append(UInt8(truncatingIfNeeded: word >> 4))
          }
          return result
        }
      }

      /// The BPF objects of this program.
      public enum \(enumName) {
      \(properties.joined(separator: "\n"))
        /// Every object, in the manifest's order.
        public static let all: [EmbeddedObject] = [\(objects.map(\.name).joined(separator: ", "))]
      }

      """
  }
}
