package import Foundation

/// Checks JSON values against a schema: the part of JSON Schema 2020-12 that our schema files use.
///
/// A keyword it doesn't know is an error of the schema, so that nothing is passed over in silence.
package struct SchemaValidator: Sendable {
  package struct SchemaError: Error {
    package var reason: String
  }

  private let root: JSONValue
  private static let annotations: Set<String> = ["$schema", "$id", "$defs", "title", "description"]
  private static let known: Set<String> = [
    "type", "properties", "required", "additionalProperties", "enum", "const", "items", "anyOf",
    "oneOf", "allOf", "if", "then", "else", "pattern", "minimum", "maximum", "minItems", "maxItems",
    "minLength", "$ref",
  ]

  package init(schema: JSONValue) throws {
    root = schema
    try SchemaValidator.checkKeywords(of: schema, at: "#")
  }

  /// Reads a schema file.
  package init(file: URL) throws {
    try self.init(schema: JSONValue(parsing: Array(Data(contentsOf: file))))
  }

  /// The file `name` in the repository's `schema` folder.
  package static func shipped(
    _ name: String, from file: String = #filePath
  ) throws -> SchemaValidator {
    var folder = URL(fileURLWithPath: file)
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      let candidate = folder.appendingPathComponent("schema").appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: candidate.path) {
        return try SchemaValidator(file: candidate)
      }
    }
    throw SchemaError(reason: "no schema/\(name) above \(file)")
  }

  /// What is wrong with `value`, each with its place; nothing where it is valid.
  package func problems(in value: JSONValue) -> [String] { check(value, root, at: "$") }

  private static func checkKeywords(of schema: JSONValue, at place: String) throws {
    guard case .object(let members) = schema else {
      if case .bool = schema { return }
      throw SchemaError(reason: "\(place) is not a schema")
    }
    for (key, value) in members {
      guard known.contains(key) || annotations.contains(key)
      else { throw SchemaError(reason: "\(place)/\(key) is not supported") }
      switch key {
      case "properties", "$defs":
        guard case .object(let schemas) = value
        else { throw SchemaError(reason: "\(place)/\(key) is not an object") }
        for (name, schema) in schemas {
          try checkKeywords(of: schema, at: "\(place)/\(key)/\(name)")
        }
      case "items", "additionalProperties", "if", "then", "else":
        try checkKeywords(of: value, at: "\(place)/\(key)")
      case "anyOf", "oneOf", "allOf":
        guard case .array(let schemas) = value
        else { throw SchemaError(reason: "\(place)/\(key) is not an array") }
        for schema in schemas { try checkKeywords(of: schema, at: "\(place)/\(key)") }
      default: continue
      }
    }
  }

  private func check(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
    if case .bool(let allowed) = schema { return allowed ? [] : ["\(place): not allowed"] }
    guard case .object(let rules) = schema else { return ["\(place): no schema"] }
    var problems: [String] = []
    if let reference = rules["$ref"]?.string {
      guard let target = resolve(reference) else { return ["\(place): no \(reference)"] }
      problems += check(value, target, at: place)
    }
    if let type = rules["type"], !matches(value, type: type) {
      problems.append("\(place): is not of type \(type)")
    }
    if let wanted = rules["const"], wanted != value {
      problems.append("\(place): is not \(wanted)")
    }
    if case .array(let choices)? = rules["enum"], !choices.contains(value) {
      problems.append("\(place): is none of \(choices)")
    }
    problems += checkCombinations(value, rules, at: place)
    switch value {
    case .object(let members): problems += checkObject(members, rules, at: place)
    case .array(let elements): problems += checkArray(elements, rules, at: place)
    case .string(let text): problems += checkString(text, rules, at: place)
    case .integer(let number):
      if let least = rules["minimum"]?.integer, number < least {
        problems.append("\(place): \(number) is below \(least)")
      }
      if let most = rules["maximum"]?.integer, number > most {
        problems.append("\(place): \(number) is above \(most)")
      }
    default: break
    }
    return problems
  }

  private func checkCombinations(
    _ value: JSONValue, _ rules: [String: JSONValue], at place: String
  ) -> [String] {
    var problems: [String] = []
    if case .array(let schemas)? = rules["allOf"] {
      for schema in schemas { problems += check(value, schema, at: place) }
    }
    if case .array(let schemas)? = rules["anyOf"],
      !schemas.contains(where: { check(value, $0, at: place).isEmpty })
    {
      problems.append("\(place): fits none of anyOf")
    }
    if case .array(let schemas)? = rules["oneOf"] {
      let results = schemas.map { check(value, $0, at: place) }
      let fitting = results.count(where: \.isEmpty)
      if fitting != 1 {
        problems.append("\(place): fits \(fitting) of oneOf")
        // The branch that fits best says most about what is wrong.
        if fitting == 0 { problems += results.min { $0.count < $1.count } ?? [] }
      }
    }
    if let condition = rules["if"] {
      let branch = check(value, condition, at: place).isEmpty ? rules["then"] : rules["else"]
      if let branch { problems += check(value, branch, at: place) }
    }
    return problems
  }

  private func checkObject(
    _ members: [String: JSONValue], _ rules: [String: JSONValue], at place: String
  ) -> [String] {
    var problems: [String] = []
    if case .array(let keys)? = rules["required"] {
      for case .string(let key) in keys where members[key] == nil {
        problems.append("\(place): \(key) is missing")
      }
    }
    var properties: [String: JSONValue] = [:]
    if case .object(let declared)? = rules["properties"] { properties = declared }
    for (key, member) in members {
      if let schema = properties[key] {
        problems += check(member, schema, at: "\(place).\(key)")
      } else if let schema = rules["additionalProperties"] {
        problems += check(member, schema, at: "\(place).\(key)")
      }
    }
    return problems
  }

  private func checkArray(
    _ elements: [JSONValue], _ rules: [String: JSONValue], at place: String
  ) -> [String] {
    var problems: [String] = []
    if let schema = rules["items"] {
      for (index, element) in elements.enumerated() {
        problems += check(element, schema, at: "\(place)[\(index)]")
      }
    }
    if let least = rules["minItems"]?.integer, elements.count < least {
      problems.append("\(place): fewer than \(least) elements")
    }
    if let most = rules["maxItems"]?.integer, elements.count > most {
      problems.append("\(place): more than \(most) elements")
    }
    return problems
  }

  private func checkString(
    _ text: String, _ rules: [String: JSONValue], at place: String
  ) -> [String] {
    var problems: [String] = []
    if let pattern = rules["pattern"]?.string {
      guard let regex = try? Regex(pattern) else { return ["\(place): bad pattern \(pattern)"] }
      if text.firstMatch(of: regex) == nil {
        problems.append("\(place): does not match \(pattern)")
      }
    }
    if let least = rules["minLength"]?.integer, text.unicodeScalars.count < least {
      problems.append("\(place): shorter than \(least)")
    }
    return problems
  }

  private func matches(_ value: JSONValue, type: JSONValue) -> Bool {
    if case .array(let types) = type { return types.contains { matches(value, type: $0) } }
    return switch (type.string, value) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array),
      ("object", .object), ("integer", .integer), ("number", .integer), ("number", .number):
      true
    case ("integer", .number(let number)): number.rounded() == number
    default: false
    }
  }

  private func resolve(_ reference: String) -> JSONValue? {
    guard reference.hasPrefix("#/$defs/") else { return nil }
    return root["$defs"]?[String(reference.dropFirst("#/$defs/".count))]
  }
}
