/// The manifest as it stands in the file; see ``Manifest`` for what it means.
struct ManifestFile: Decodable {
  var root: String
  var golden: String?
  var swiftFlags: [String]
  var cFlags: [String]
  var objects: [ObjectSpec]

  init(from decoder: any Decoder) throws {
    let keys = try StrictKeys(decoder, ["root", "golden", "swiftFlags", "cFlags", "objects"])
    root = try keys.optional("root") ?? "."
    golden = try keys.optional("golden")
    swiftFlags = try keys.optional("swiftFlags") ?? []
    cFlags = try keys.optional("cFlags") ?? []
    objects = try keys.required("objects")
  }
}

extension ModuleSpec: Decodable {
  package init(from decoder: any Decoder) throws {
    let keys = try StrictKeys(decoder, ["name", "path"])
    name = try keys.required("name")
    path = try keys.required("path")
  }
}

extension ObjectSpec: Decodable {
  package init(from decoder: any Decoder) throws {
    let keys = try StrictKeys(
      decoder,
      [
        "name", "clangModules", "modules", "programs", "maps", "defines", "swiftFlags", "cFlags",
        "claims", "localFunctions", "externs",
      ])
    name = try keys.required("name")
    clangModules = try keys.optional("clangModules") ?? []
    modules = try keys.optional("modules") ?? []
    programs = try keys.required("programs")
    maps = try keys.required("maps")
    defines = try keys.optional("defines") ?? ["SEQ_TARGET_BPF"]
    swiftFlags = try keys.optional("swiftFlags") ?? []
    cFlags = try keys.optional("cFlags") ?? []
    claims = try keys.optional("claims") ?? [:]
    localFunctions = try keys.optional("localFunctions") ?? []
    externs = try keys.optional("externs") ?? []
  }
}

/// A JSON object whose keys must all be known.
private struct StrictKeys {
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private let container: KeyedDecodingContainer<Key>

  init(_ decoder: any Decoder, _ known: [String]) throws {
    container = try decoder.container(keyedBy: Key.self)
    for key in container.allKeys where !known.contains(key.stringValue) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription:
            "unknown key '\(key.stringValue)'; known: \(known.joined(separator: ", "))"))
    }
  }

  func required<Value: Decodable>(_ key: String) throws -> Value {
    try container.decode(Value.self, forKey: Key(stringValue: key))
  }

  func optional<Value: Decodable>(_ key: String) throws -> Value? {
    try container.decodeIfPresent(Value.self, forKey: Key(stringValue: key))
  }
}
