extension Diagnosis {
  /// The checks as text: a line each, `status  name  detail — remedy`, in columns.
  public var text: String {
    let width = checks.map(\.name.count).max() ?? 0
    let lines = checks.map { check in
      let status = check.status.rawValue.padded(to: 7)
      let remedy = check.remedy.map { " — \($0)" } ?? ""
      return "\(status)  \(check.name.padded(to: width))  \(check.detail)\(remedy)\n"
    }
    return lines.joined()
  }

  /// The checks as one JSON object; `schema/doctor.schema.json` describes it.
  public var json: String { json(with: nil) }

  /// The same with what the verifier made of the programs, where that was asked for.
  package func json(with programs: ProgramReport?) -> String {
    let objects = checks.map { check in
      var members = [
        "\"name\":" + quoted(check.name), "\"status\":" + quoted(check.status.rawValue),
        "\"detail\":" + quoted(check.detail),
      ]
      members.append("\"remedy\":" + (check.remedy.map(quoted) ?? "null"))
      return "{" + members.joined(separator: ",") + "}"
    }
    return "{\"usable\":\(usable),\"checks\":[\(objects.joined(separator: ","))]"
      + (programs?.members ?? "") + "}\n"
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

/// A JSON string.
func quoted(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    case "\t": out += "\\t"
    case "\r": out += "\\r"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out + "\""
}
