import ArgumentParser
import EvaluationReport
import Foundation

/// `ordinal bench report`: a page of results that were measured before.
struct BenchReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one page of result files: figures wanted and measured, plots, tables.")

  @Argument(help: "Files that `ordinal bench … --json` wrote.")
  var files: [String]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Where to write the page.", valueName: "file"))
  var output = "ordinal-bench.html"

  @Option(
    help: ArgumentHelp("Write the plots of each file here, too, as SVG.", valueName: "folder"))
  var plots: String?

  func run() throws {
    do {
      var results: [(name: String, file: EvaluationFile)] = []
      for path in files {
        guard let data = FileManager.default.contents(atPath: path) else {
          throw Failure("can't read '\(path)'; give files that `ordinal bench … --json` wrote")
        }
        results.append((path, try EvaluationFile(json: data, name: path)))
      }
      let target = try BenchOutput(file: output)
      let folder = try plots.map { try BenchOutput(folder: $0) }
      try target.save(Data(HTMLReport.page(results).utf8))
      for (index, result) in results.enumerated() {
        let prefix = results.count > 1 ? "\(index + 1)-" : ""
        try folder?.save(result.file.plots().map { (prefix + $0.name, $0.svg) })
      }
    } catch let failure as Failure {
      complain(failure.message)
      throw ExitCode(failure.status)
    } catch {
      complain("\(error)")
      throw ExitCode(2)
    }
  }
}
