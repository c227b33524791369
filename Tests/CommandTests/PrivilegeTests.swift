import Foundation
import JSONSchemaValidation
import Testing

/// Runs the program as a user without capabilities, whoever runs the tests.
enum Nobody {
  /// Runs it, as root through setpriv, with the capabilities named (without `cap_`).
  static func run(_ arguments: [String], capabilities: [String] = []) throws -> Outcome {
    guard geteuid() == 0 else { return try Program.run(arguments) }
    let set = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
    // A copy, as the build folder may lie where nobody may look; so may the toolchain's libraries.
    let folder = try TemporaryFolder()
    return try Program.shell(
      """
      folder=$1 set=$2
      shift 2
      cp "$ORDINAL" "$folder/ordinal" && chmod 755 "$folder/ordinal"
      set -- setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps="$set" \
        --ambient-caps="$set" "$folder/ordinal" "$@"
      if ! setpriv --reuid=65534 --clear-groups "$folder/ordinal" --version >/dev/null 2>&1; then
        ldd "$ORDINAL" | awk '/[Ss]wift|Foundation|dispatch|Blocks/ {print $3}' |
          xargs -I@ cp @ "$folder"
        chmod 755 "$folder"/*
        export LD_LIBRARY_PATH="$folder"
      fi
      exec "$@"
      """, [folder.url.path, set] + arguments)
  }
}

@Suite("Without privilege")
struct PrivilegeTests {
  @Test(
    "trace says what it needs, in one line",
    arguments: [["--duration", "1"], ["--", "true"], ["-o", "tree"], ["--tree", "1"]])
  func trace(arguments: [String]) throws {
    expectOneLine(
      try Nobody.run(["trace"] + arguments), status: 2,
      saying: ["run as root or with CAP_BPF and CAP_PERFMON", "ordinal doctor"])
  }

  @Test("a command is not run where it can't be traced")
  func commandNotRun() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o777], ofItemAtPath: folder.url.path)
    let path = folder.path("made")
    _ = try Nobody.run(["trace", "--", "sh", "-c", "touch '\(path)'"])
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("doctor says what is missing, ends with 1, and its JSON fits the schema")
  func doctor() throws {
    let text = try Nobody.run(["doctor"])
    #expect(text.status == 1)
    #expect(text.errors.isEmpty)
    for name in ["cap_bpf", "cap_perfmon"] {
      let line = try #require(text.lines.first { $0.contains(" \(name) ") })
      #expect(line.hasPrefix("missing "))
      #expect(line.contains("run as root"))
    }
    let json = try Nobody.run(["doctor", "-o", "json"])
    #expect(json.status == 1)
    let value = try JSONValue(parsing: json.output)
    let problems = try SchemaValidator.shipped("doctor.schema.json").problems(in: value)
    #expect(problems.isEmpty, "\(problems)")
    #expect(value["usable"] == .bool(false))
  }

  @Test("an old kernel is told by trace and doctor")
  func oldKernel() throws {
    // The personality UNAME26 makes a kernel call itself 2.6.
    let trace = try Program.shell("exec setarch --uname-2.6 $ORDINAL trace -- true")
    expectOneLine(trace, status: 2, saying: ["is older than 6.1", "boot a newer kernel"])
    let doctor = try Program.shell("exec setarch --uname-2.6 $ORDINAL doctor")
    #expect(doctor.status == 1)
    let line = try #require(doctor.lines.first { $0.contains(" kernel ") })
    #expect(line.hasPrefix("missing "))
    #expect(line.contains("boot a kernel 6.1"))
  }
}
