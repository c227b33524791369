import Foundation
import TestSupport
import Testing

/// All that runs the fuzz targets, one after the other: a target keeps memory between its runs.
@Suite(.serialized) struct FuzzTests {}

extension FuzzTests {
  /// What the fuzzer kept: inputs that each reached something new, and those that broke something.
  @Suite struct CorpusTests {
    @Test("The corpus, which fuzzing left behind, still holds", arguments: FuzzTarget.allCases)
    func corpus(target: FuzzTarget) throws {
      let inputs = try Corpus.inputs(of: target)
      // Or nothing was replayed.
      #expect(inputs.count >= 20)
      for (name, bytes) in inputs { replay(bytes, name, target) }
    }

    @Test("What fuzzing once found", arguments: try Corpus.findings())
    func findings(finding: CorpusFinding) throws {
      replay(finding.bytes, finding.name, finding.target)
    }

    private func replay(_ bytes: [UInt8], _ name: String, _ target: FuzzTarget) {
      do { try target.run(bytes) } catch { Issue.record("\(target) \(name): \(error)") }
    }
  }
}

/// An input that broke something, with a name that says what.
struct CorpusFinding: CustomTestStringConvertible, Sendable {
  let name: String
  let target: FuzzTarget
  let bytes: [UInt8]
  var testDescription: String { name }
}

/// The files in Fuzz/.
enum Corpus {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A target's inputs. A file holds many: each begins with its length, four bytes, least first.
  static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
    let file = folder.appendingPathComponent("Corpus/\(target.rawValue).pack")
    var rest = [UInt8](try Data(contentsOf: file))[...]
    var inputs: [(String, [UInt8])] = []
    while !rest.isEmpty {
      let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard count <= rest.count else { throw SupportError("\(file.path) is cut") }
      inputs.append(("input \(inputs.count)", Array(rest.prefix(count))))
      rest = rest.dropFirst(count)
    }
    return inputs
  }

  /// Files named `<target>-<what it broke>`.
  static func findings() throws -> [CorpusFinding] {
    let files = try FileManager.default.contentsOfDirectory(
      at: folder.appendingPathComponent("Findings"), includingPropertiesForKeys: nil)
    return try files.map { file in
      let name = file.lastPathComponent
      guard let target = FuzzTarget(rawValue: String(name.prefix { $0 != "-" })) else {
        throw SupportError("Fuzz/Findings/\(name) names no target")
      }
      return CorpusFinding(name: name, target: target, bytes: [UInt8](try Data(contentsOf: file)))
    }.sorted { $0.name < $1.name }
  }
}
