package import Capture

/// What the verifier made of every family's programs, for `ordinal doctor --programs`.
package struct ProgramReport: Sendable {
  /// A survey a family, and one of all.
  package let surveys: [ProgramSurvey]

  /// A report of these surveys.
  package init(_ surveys: [ProgramSurvey]) { self.surveys = surveys }

  /// Whether a family was refused that `diagnosis` has nothing against.
  package func contradicts(_ diagnosis: Diagnosis) -> Bool {
    surveys.contains { survey in
      survey.problem != nil
        && !diagnosis.checks.contains {
          $0.name == "family \(survey.name)" && $0.status == .warning
        }
    }
  }

  /// A line a program, in columns; a family that was refused has a line that says why.
  package var text: String {
    var lines = [["family", "program", "instructions", "processed", "states", "peak"]]
    for survey in surveys {
      if survey.problem != nil { continue }
      for program in survey.programs {
        lines.append([
          survey.name, program.name, "\(program.instructions)",
          "\(program.verifier.processed)", "\(program.verifier.totalStates)",
          "\(program.verifier.peakStates)",
        ])
      }
    }
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    var text = "\n"
    for line in lines {
      let cells = line.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - line[column].count)
        // Figures stand to the right.
        return column < 2 ? line[column] + space : space + line[column]
      }
      text += cells.joined(separator: "  ") + "\n"
    }
    for survey in surveys {
      if let problem = survey.problem { text += "refused  \(survey.name): \(problem)\n" }
    }
    return text
  }

  /// The members of the JSON object, from the comma on.
  var members: String {
    let objects = surveys.map { survey in
      let programs = survey.programs.map { program in
        "{\"name\":\(quoted(program.name)),\"instructions\":\(program.instructions),"
          + "\"processed\":\(program.verifier.processed),"
          + "\"total_states\":\(program.verifier.totalStates),"
          + "\"peak_states\":\(program.verifier.peakStates)}"
      }
      return "{\"family\":\(quoted(survey.name)),\"problem\":"
        + (survey.problem.map(quoted) ?? "null")
        + ",\"programs\":[\(programs.joined(separator: ","))]}"
    }
    return ",\"programs\":[\(objects.joined(separator: ","))]"
  }
}
