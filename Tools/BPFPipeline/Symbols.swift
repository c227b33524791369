/// What a symbol's name says of its origin, and the advice that follows.
enum Symbols {
  /// Whether the symbol belongs to the Swift runtime or standard library.
  static func isRuntime(_ name: String) -> Bool {
    // Embedded Swift mangles with "$e"; "s" and "S" start names of the standard library.
    ["swift_", "_swift_", "$es", "$eS", "$ss", "$sS"].contains { name.hasPrefix($0) }
      || ["posix_memalign", "malloc", "free"].contains(name)
  }

  static let runtimeAdvice =
    "a program can hold no class, escaping closure, existential, array or string: look at the"
    + " source, or at linked.ll with --keep"

  static let trapAdvice =
    "use wrapping operators (&+, &-, &<<), truncating conversions, pointers instead of arrays"

  /// A function that a program calls and nobody defines.
  static func undefined(_ name: String, in program: String?) -> Finding {
    if name == "__bpf_trap" {
      return Finding(
        program: program, symbol: name, problem: "the program can trap, which kernels refuse",
        advice: trapAdvice)
    }
    if isRuntime(name) {
      return Finding(
        program: program, symbol: name, problem: "the Swift runtime is needed",
        advice: runtimeAdvice)
    }
    if ["memcpy", "memmove", "memset", "memcmp"].contains(name) {
      return Finding(
        program: program, symbol: name, problem: "a memory operation was not inlined",
        advice: "copy field by field, in a bounded loop, or with a helper")
    }
    return Finding(
      program: program, symbol: name, problem: "nobody defines this symbol",
      advice: "define it in the maps file or a module; if the loader is to resolve it, list it in"
        + " the manifest's externs")
  }

  /// A function of the object that a program calls.
  static func notInlined(_ name: String, in program: String?) -> Finding {
    if isRuntime(name) { return undefined(name, in: program) }
    return Finding(
      program: program, symbol: name, problem: "calls a function that is not inlined",
      advice: "mark it @inline(__always); if the call is wanted, list it in the manifest's"
        + " localFunctions")
  }
}
