extension EvaluationFile {
  /// The rows as CSV (RFC 4180) with a line of names; what a reader must know of the run comes before, in
  /// lines that begin with `#`.
  public var csv: String {
    var text = ""
    for (key, value) in facts { text += "# \(key): \(oneLine(value))\r\n" }
    for note in notes { text += "# note: \(oneLine(note))\r\n" }
    text += EvaluationRow.columns.joined(separator: ",") + "\r\n"
    for row in rows {
      text +=
        [
          field(row.part), field(row.transport), "\(row.cpus)", "\(row.payload)",
          field(row.metric), "\(row.value)", field(row.unit), field(row.reference ?? ""),
          row.ratio.map { "\($0)" } ?? "",
          field(row.spread.map { "\($0)" }.joined(separator: " ")), "\(row.rounds)",
        ].joined(separator: ",") + "\r\n"
    }
    return text
  }

  /// What a reader must know of the run, by name, in the order of a page.
  public var facts: [(key: String, value: String)] {
    var facts = [
      ("processor", machine.processor), ("CPUs", "\(machine.cpus)"), ("kernel", machine.kernel),
      ("hypervisor", machine.hypervisor ?? "none"),
      ("memory", "\(machine.memory_bytes >> 20) MiB"), ("commit", commit), ("build", build),
      ("started", started), ("took", "\(Int(duration_s)) s"),
    ]
    facts += versions.sorted { $0.key < $1.key }.map { ("version of \($0.key)", $0.value) }
    facts += options.sorted { $0.key < $1.key }.map { ("option \($0.key)", $0.value) }
    facts += sizes.sorted { $0.key < $1.key }.map { ("bytes, \($0.key)", "\($0.value)") }
    facts += machine.mitigations.sorted { $0.key < $1.key }.map {
      ("mitigation \($0.key)", $0.value)
    }
    return facts.map { (key: $0.0, value: $0.1) }
  }

  private func field(_ text: String) -> String {
    let isPlain = !text.contains { ",\"\r\n".contains($0) || $0.isNewline }
    return isPlain
      ? text
      : "\""
        + text.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\"\"") + "\""
  }

  private func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }
}
