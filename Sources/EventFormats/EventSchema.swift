import KernelEvents
public import SequencerABI

extension EventReference {
  /// The JSON Schema of a kind's lines, as the text of one object: a member of `$defs` in
  /// schema/event.schema.json.
  ///
  /// - Parameter kind: a kind with a layout.
  /// - Returns: the object; nil for the kinds whose definitions are kept by hand.
  public static func schema(of kind: EventKind) -> String? {
    guard let layout = EventLayout.of(kind) else { return nil }
    var properties = commonProperties(type: kind.name.description)
    for field in layout.fields { properties += self.properties(of: field) }
    for string in layout.strings {
      properties.append(
        Property(string.key, #"{"type":["string","null"],"description":"\#(string.about)"}"#))
      properties.append(base64(string.key))
    }
    if !layout.strings.isEmpty {
      properties.append(Property("truncated", #"{"type":"boolean"}"#))
      properties.append(Property("fault", #"{"type":"boolean"}"#))
    }
    return object(properties, about: layout.about.description)
  }

  private struct Property {
    let key: String
    let schema: String
    let isRequired: Bool

    init(_ key: StaticString, _ schema: String, isRequired: Bool = true) {
      self.init(key.description, schema, isRequired: isRequired)
    }
    init(_ key: String, _ schema: String, isRequired: Bool = true) {
      self.key = key
      self.schema = schema
      self.isRequired = isRequired
    }
  }

  private static func object(_ properties: [Property], about: String) -> String {
    let members = properties.map { "\"\($0.key)\":\($0.schema)" }.joined(separator: ",")
    let required = properties.filter(\.isRequired).map { "\"\($0.key)\"" }.joined(separator: ",")
    return #"{"type":"object","description":"\#(about)","additionalProperties":false,"#
      + #""properties":{\#(members)},"required":[\#(required)]}"#
  }

  private static func base64(_ key: StaticString) -> Property {
    Property("\(key)_b64", ##"{"$ref":"#/$defs/base64"}"##, isRequired: false)
  }

  private static func commonProperties(type: String) -> [Property] {
    let count = ##"{"$ref":"#/$defs/count"}"##
    let number = ##"{"$ref":"#/$defs/u32"}"##
    return [
      Property("seq", count), Property("ts", #"{"type":["integer","null"],"minimum":0}"#),
      Property("time", #"{"type":["string","null"]}"#), Property("cpu", number),
      Property("type", #"{"const":"\#(type)"}"#), Property("pid", number),
      Property("tid", number), Property("start", count), Property("ppid", number),
      Property("uid", number), Property("comm", #"{"type":"string"}"#), base64("comm"),
      Property("cgroup", #"{"type":["string","null"]}"#), base64("cgroup"),
      Property("cgroup_id", count),
    ]
  }

  private static let hexadecimal = #""pattern":"^0x[0-9a-f]{16}$""#

  private static func properties(of field: EventField) -> [Property] {
    let key = field.key.description
    let about = #""description":"\#(field.about)""#
    func plain(_ type: String) -> Property { Property(key, "{\(type),\(about)}") }
    let name = Property("\(key)_name", #"{"type":["string","null"]}"#)
    let names = Property("\(key)_names", #"{"type":"array","items":{"type":"string"}}"#)
    let error = Property("error", #"{"type":["string","null"]}"#)
    switch field.form {
    case .number, .user, .group: return [plain(#""type":"integer","minimum":0"#)]
    case .signed: return [plain(#""type":"integer""#)]
    case .boolean: return [plain(#""type":"boolean""#)]
    case .hexadecimal, .capabilities: return [plain(#""type":"string",\#(hexadecimal)"#)]
    case .named, .signal: return [plain(#""type":"integer","minimum":0"#), name]
    case .flags, .mountFlags: return [plain(#""type":"integer","minimum":0"#), names]
    case .bits: return [plain(#""type":"string",\#(hexadecimal)"#), names]
    case .comm: return [plain(#""type":"string""#), base64(field.key)]
    case .task: return [Property(key, task(field.about.description))]
    case .optionalTask:
      return [
        Property(key, #"{"anyOf":[{"type":"null"},\#(task(field.about.description))]}"#)
      ]
    case .object(let fields):
      return [
        Property(key, object(fields.flatMap { properties(of: $0) }, about: field.about.description))
      ]
    case .namedIf: return [plain(#""type":["integer","null"],"minimum":0"#), name]
    case .bit: return [plain(#""type":"boolean""#)]
    case .octalIf: return [plain(#""type":["string","null"],"pattern":"^[0-7]+$""#)]
    case .deviceIf:
      let number = ##"{"$ref":"#/$defs/u32"}"##
      let device = object(
        [Property("major", number), Property("minor", number)], about: field.about.description)
      return [Property(key, #"{"anyOf":[{"type":"null"},\#(device)]}"#)]
    case .address:
      return [
        plain(#""type":["string","null"]"#),
        Property(
          "\(key)_port", #"{"type":["integer","null"],"minimum":0,"maximum":65535}"#),
      ]
    case .numberIf: return [plain(#""type":["integer","null"],"minimum":0"#)]
    case .hexadecimalIf: return [plain(#""type":["string","null"],\#(hexadecimal)"#)]
    case .signalCode: return [plain(#""type":["integer","null"]"#), name]
    case .taskState:
      return [
        plain(#""type":"integer","minimum":0"#), Property("state_name", #"{"type":"string"}"#),
      ]
    case .systemCall:
      return [
        plain(#""type":"integer","minimum":0"#), name,
        Property("abi", #"{"enum":["x86_64","i386","arm64"]}"#),
      ]
    case .registers:
      return [plain(#""type":"array","items":{"type":"string",\#(hexadecimal)}"#)]
    case .result: return [plain(#""type":"integer""#), error]
    }
  }

  private static func task(_ about: String) -> String {
    let number = ##"{"$ref":"#/$defs/u32"}"##
    return object(
      [
        Property("pid", number), Property("tid", number),
        Property("start", ##"{"$ref":"#/$defs/count"}"##),
        Property("comm", #"{"type":"string"}"#), base64("comm"),
      ], about: about)
  }
}
