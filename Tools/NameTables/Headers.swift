import BPFPipeline
import Foundation

/// An architecture whose headers are read.
enum Architecture: String {
  case x86_64 = "x86_64-linux-gnu"
  case i386 = "i386-linux-gnu"
  case arm64 = "aarch64-linux-gnu"
}

/// A constant of a header: a macro or a member of an enum.
struct Constant {
  var name: String
  /// Its value, a negative one as 64 bits.
  var value: UInt64
}

/// The headers below a folder, read by clang.
struct Headers {
  private let include: String
  private let clang: String

  /// Takes the folder that holds usr/include.
  init(root: String, toolchain: Toolchain) throws(PipelineError) {
    let root = Files.absolute(root)
    include = (root == "/" ? "" : root) + "/usr/include"
    clang = toolchain.tool("clang")
    for architecture in [Architecture.x86_64, .i386, .arm64] {
      let needed = "\(include)/\(architecture.rawValue)/asm/unistd.h"
      guard Files.exists(needed, directory: false) else {
        throw .input(
          message: "no \(needed)",
          advice: "unpack linux-libc-dev of Debian 13 or later, and libc6-dev: docs/names.md")
      }
    }
  }

  /// The versions of the kernel and of the C library that the headers belong to.
  func version() throws -> String {
    let parts = ["LINUX_VERSION_MAJOR", "LINUX_VERSION_PATCHLEVEL", "LINUX_VERSION_SUBLEVEL"]
    let linux = try values(of: parts, headers: ["linux/version.h"], on: .x86_64)
    let library = try values(
      of: ["__GLIBC__", "__GLIBC_MINOR__"], headers: ["features.h"], on: .x86_64)
    let text = { (constants: [Constant]) in
      constants.map { "\($0.value)" }.joined(separator: ".")
    }
    return "Linux \(text(linux)), glibc \(text(library))"
  }

  /// The macros without parameters that `headers` define, sorted.
  func macros(_ headers: [String], on architecture: Architecture) throws -> [String] {
    let text = try compile(
      Self.includes(headers), ["-E", "-dM"], on: architecture)
    var names: [String] = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2)
      // One with parameters has them in its second word.
      guard words.count == 3, words[0] == "#define", !words[1].contains("(") else { continue }
      names.append(String(words[1]))
    }
    return names.sorted()
  }

  /// The members of the enums of `headers`: of the one named `name`, or of all of them.
  func enumerators(
    _ headers: [String], of name: String?, on architecture: Architecture
  ) throws -> [String] {
    let text = try compile(
      Self.includes(headers), ["-fsyntax-only", "-Xclang", "-ast-dump=json"], on: architecture)
    let unit = try JSONDecoder().decode(Declaration.self, from: Data(text.utf8))
    var names: [String] = []
    for declaration in unit.inner ?? [] where declaration.kind == "EnumDecl" {
      if let name, declaration.name != name { continue }
      for member in declaration.inner ?? [] where member.kind == "EnumConstantDecl" {
        if let name = member.name { names.append(name) }
      }
    }
    return names
  }

  /// What `names` are worth, in their order, as the compiler has it.
  func values(
    of names: [String], headers: [String], on architecture: Architecture
  ) throws -> [Constant] {
    let prefix = "name_tables_"
    var source = Self.includes(headers)
    for name in names {
      source += "const unsigned long long \(prefix)\(name) = (unsigned long long)(\(name));\n"
    }
    let text = try compile(source, ["-S", "-emit-llvm", "-O0", "-o", "-"], on: architecture)
    var found: [String: UInt64] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("@\(prefix)") {
      // @name_tables_SIGHUP = dso_local constant i64 1, align 8
      let words = line.split(separator: " ")
      guard let type = words.firstIndex(of: "i64"), type + 1 < words.count,
        let value = Int64(words[type + 1].prefix { $0 != "," })
      else { continue }
      found[String(words[0].dropFirst(prefix.count + 1))] = UInt64(bitPattern: value)
    }
    return try names.map { name in
      guard let value = found[name] else {
        throw TableError(message: "clang gave no value for \(name)")
      }
      return Constant(name: name, value: value)
    }
  }

  /// What clang prints of a source.
  private func compile(
    _ source: String, _ arguments: [String], on architecture: Architecture
  ) throws(PipelineError) -> String {
    try Files.withTemporaryDirectory { (folder) throws(PipelineError) in
      let file = Files.join(folder, "names.c")
      try Files.write(source, to: file)
      let resources = try run(["-print-resource-dir"], in: folder)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let places = ["\(resources)/include", include, "\(include)/\(architecture.rawValue)"]
      return try run(
        ["--target=\(architecture.rawValue)", "-nostdinc", "-w"]
          + places.flatMap { ["-isystem", $0] } + arguments + [file], in: folder)
    }
  }

  private func run(_ arguments: [String], in folder: String) throws(PipelineError) -> String {
    let output = try Subprocess.run(clang, arguments, in: folder)
    guard output.status == 0 else {
      throw .input(
        message: "clang could not read the headers\n\(output.text)",
        advice: "check that the folder holds whole packages: docs/names.md")
    }
    return output.text
  }

  private static func includes(_ headers: [String]) -> String {
    "#define _GNU_SOURCE 1\n" + headers.map { "#include <\($0)>\n" }.joined()
  }
}

/// A declaration in clang's JSON.
private struct Declaration: Decodable {
  var kind: String?
  var name: String?
  var inner: [Declaration]?
}
