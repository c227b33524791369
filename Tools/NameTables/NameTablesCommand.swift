import ArgumentParser
import BPFPipeline
import Foundation

@main
struct NameTablesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "name-tables",
    abstract: "Writes the names of the kernel's numbers, read from headers.",
    discussion: """
      Run by hand in the repository's root, with the folder that Debian's packages linux-libc-dev
      and libc6-dev were unpacked to (docs/names.md). The toolchain's clang reads the headers.
      Exit status: 0 done, 1 a header or a table is not as it should be, 2 bad input.
      """)

  @Argument(help: "The folder that holds usr/include.", completion: .directory)
  var root = "/"

  @Option(name: .shortAndLong, help: "Where the Swift files go.")
  var output = "Sources/KernelEvents/Generated"

  @Option(help: "The Swift toolchain's root; overrides BPF_BUILD_TOOLCHAIN and PATH.")
  var toolchain: String?

  /// Reads every table, then writes the files: a fault leaves them as they were.
  func run() throws {
    let headers = try Headers(root: root, toolchain: Toolchain.find(toolchain))
    let source = GeneratedSource(version: try headers.version())
    var files: [(name: String, text: String)] = []
    for file in TableFile.all {
      var tables: [(Table, [Entry])] = []
      for table in file.tables { tables.append((table, try table.entries(from: headers))) }
      files.append((file.name, source.text(of: file, tables)))
    }
    for file in files {
      try Files.write(file.text, to: Files.join(Files.absolute(output), file.name))
      print("\(output)/\(file.name)")
    }
  }

  /// Runs the command and ends the process, with 2 where the arguments are wrong.
  static func main() {
    do {
      let command = try parse()
      try command.run()
    } catch let error as PipelineError {
      complain("name-tables: \(error)")
      Foundation.exit(error.exitCode)
    } catch let error as TableError {
      complain("name-tables: \(error.message)")
      Foundation.exit(1)
    } catch {
      let code = exitCode(for: error)
      if code.isSuccess {
        print(fullMessage(for: error))
        Foundation.exit(0)
      }
      complain(fullMessage(for: error))
      Foundation.exit(2)
    }
  }

  private static func complain(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
  }
}

/// Why a table could not be made.
struct TableError: Error {
  var message: String
}
