import Foundation
import Testing

@testable import BPFLoader

/// The fields that the process family reads, and some that exercise the walk.
private let fields: [(structure: String, path: String)] = [
  ("task_struct", "pid"), ("task_struct", "tgid"), ("task_struct", "comm"),
  ("task_struct", "start_boottime"), ("task_struct", "real_parent"),
  ("task_struct", "group_leader"), ("task_struct", "signal"), ("task_struct", "cred"),
  ("task_struct", "mm"), ("task_struct", "exit_code"), ("task_struct", "flags"),
  ("task_struct", "nsproxy"), ("task_struct", "thread_pid"), ("task_struct", "cgroups"),
  ("task_struct", "se.sum_exec_runtime"), ("task_struct", "thread_info.flags"),
  ("signal_struct", "live"), ("signal_struct", "live.counter"),
  ("signal_struct", "group_exit_code"),
  ("mm_struct", "arg_start"), ("mm_struct", "arg_end"), ("mm_struct", "exe_file"),
  ("mm_struct", "mmap_lock.count.counter"),
  ("linux_binprm", "filename"), ("linux_binprm", "argc"), ("linux_binprm", "cred"),
  ("cred", "uid"), ("cred", "euid.val"), ("cred", "cap_effective"), ("cred", "user_ns"),
  ("file", "f_path.dentry"), ("file", "f_path.mnt"), ("file", "f_inode"),
  ("inode", "i_ino"), ("inode", "i_sb"), ("inode", "i_nlink"), ("super_block", "s_dev"),
  ("dentry", "d_name.name"), ("dentry", "d_name.len"), ("dentry", "d_name.hash"),
  ("dentry", "d_parent"), ("qstr", "name"), ("fs_struct", "pwd.dentry"),
  ("nsproxy", "pid_ns_for_children"), ("pid", "numbers"), ("upid", "nr"),
  ("css_set", "dfl_cgrp"), ("cgroup", "kn"), ("kernfs_node", "id"),
]

private let wantedValues: [(String, String?, Int64?)] = [
  ("BPF_FUNC_map_lookup_elem", "bpf_func_id", 1), ("BPF_FUNC_ringbuf_output", "bpf_func_id", 130),
  ("BPF_FUNC_ringbuf_output", nil, 130), ("BPF_FUNC_ringbuf_output", "bpf_map_type", nil),
  ("BPF_FUNC_no_such", "bpf_func_id", nil), ("BPF_FUNC_ringbuf_output", "task_struct", nil),
  ("no_such_enumerator", nil, nil),
]

@Suite("Kernel types")
struct KernelBTFTests {
  /// The C compiler lays the structures out anew from their declarations; it must come to the same
  /// offsets and sizes.
  @Test func offsetsAgreeWithTheCompiler() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "ordinal-btf-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    let types = try KernelBTF()
    var source = try output(of: ["bpftool", "btf", "dump", "file", KernelBTF.path, "format", "c"])
    for field in fields {
      let found = try types.offset(of: field.path, in: field.structure)
      let type = "struct \(field.structure)"
      source += "\n_Static_assert(__builtin_offsetof(\(type), \(field.path)) == "
      source += "\(found.byteOffset), \"\(field.structure).\(field.path)\");"
      if found.byteCount > 0 {
        source += "\n_Static_assert(sizeof(((\(type) *)0)->\(field.path)) == "
        source += "\(found.byteCount), \"size of \(field.structure).\(field.path)\");"
      }
    }
    // Not all of them: the dump gives some structures an alignment that the kernel's don't have.
    for structure in ["task_struct", "mm_struct", "cred", "qstr", "file", "dentry"] {
      let size = try types.byteCount(of: structure)
      source += "\n_Static_assert(sizeof(struct \(structure)) == \(size), \"\(structure)\");"
    }
    let file = folder.appending(path: "offsets.c")
    try source.write(to: file, atomically: true, encoding: .utf8)
    let said = try output(
      of: ["clang", "-target", "bpfel", "-fsyntax-only", "-w", file.path], errors: true)
    #expect(said.isEmpty, "\(said.prefix(2000))")
  }

  @Test func invariants() throws {
    let types = try KernelBTF()
    let comm = try types.offset(of: "comm", in: "task_struct")
    #expect(comm.byteCount == 16)
    let start = try types.offset(of: "arg_start", in: "mm_struct")
    let end = try types.offset(of: "arg_end", in: "mm_struct")
    #expect(end.byteOffset == start.byteOffset + 8 && start.byteCount == 8)
    let pid = try types.offset(of: "pid", in: "task_struct")
    #expect(pid.byteCount == 4)
    // A typedef of an anonymous structure.
    let user = try types.offset(of: "val", in: "kuid_t")
    #expect(user == FieldOffset(byteOffset: 0, byteCount: 4))
  }

  @Test func existence() throws {
    let types = try KernelBTF()
    let names = ["task_struct", "bpf_func_id", "pid_t", "no_such_thing", ""]
    let found = names.map { types.hasType($0) }
    #expect(found == [true, true, true, false, false])
  }

  @Test func tracepoints() throws {
    let types = try KernelBTF()
    let fork = types.tracepoint("sched_process_fork")
    #expect(fork?.argumentTypes == ["struct task_struct *", "struct task_struct *"])
    let exec = types.tracepoint("sched_process_exec")
    #expect(exec?.argumentTypes == ["struct task_struct *", "pid_t", "struct linux_binprm *"])
    let new = types.tracepoint("task_newtask")
    #expect(new?.argumentTypes.first == "struct task_struct *" && new?.argumentCount == 2)
    // group_dead came later as a second argument.
    let exit = types.tracepoint("sched_process_exit")
    #expect(
      exit?.argumentTypes == ["struct task_struct *"]
        || exit?.argumentTypes == ["struct task_struct *", "bool"])
    let none = types.tracepoint("no_such_tracepoint")
    #expect(none == nil)
  }

  @Test(arguments: wantedValues)
  func enumerators(name: String, enumeration: String?, value: Int64?) throws {
    let types = try KernelBTF()
    let found = types.enumValue(name, in: enumeration)
    #expect(found == value)
  }

  private func refusal(_ path: String, _ structure: String) throws -> BTFError? {
    let types = try KernelBTF()
    do throws(BTFError) {
      _ = try types.offset(of: path, in: structure)
      return nil
    } catch { return error }
  }

  @Test func wrongNames() throws {
    #expect(try refusal("pid", "task_strukt") == .unknownStructure("task_strukt"))
    // An enumeration is a type, but not a structure.
    #expect(try refusal("x", "bpf_func_id") == .unknownStructure("bpf_func_id"))
    let field = try #require(try refusal("f_path.dentri", "file"))
    #expect(
      field == .unknownField(component: "dentri", path: "f_path.dentri", structure: "file"))
    #expect("\(field)".contains("'dentri'") && "\(field)".contains("struct file"))
    for path in ["", ".", "comm.", ".comm", "a..b"] {
      #expect(try refusal(path, "task_struct") == .malformedPath(path))
    }
  }

  @Test func pointersAreNotFollowed() throws {
    let error = try #require(try refusal("mm.arg_start", "task_struct"))
    #expect(
      error
        == .notAStructure(
          component: "mm", path: "mm.arg_start", structure: "task_struct",
          type: "struct mm_struct *"))
    #expect("\(error)".contains("struct mm_struct *"))
  }

  @Test func bitfieldsAreRefused() throws {
    let error = try #require(try refusal("in_execve", "task_struct"))
    #expect(error == .bitfield(path: "in_execve", structure: "task_struct", bits: 1))
    #expect("\(error)".contains("bitfield of 1 bit,"))
  }

  @Test func filesThatAreNoBTF() throws {
    #expect(throws: BTFError.unavailable(path: "/no/such", errno: 2)) {
      _ = try KernelBTF(contentsOf: "/no/such")
    }
    do {
      _ = try KernelBTF(contentsOf: "/etc/passwd")
      Issue.record("parsed /etc/passwd")
    } catch {
      guard case .unreadable(path: "/etc/passwd", _) = error else { throw error }
    }
  }

  /// All look-ups of a start, opening included, in a small part of a second. The bound is for an
  /// unoptimised build on a busy machine.
  @Test func lookupsAreFast() throws {
    let clock = ContinuousClock()
    let begin = clock.now
    let types = try KernelBTF()
    let opened = clock.now
    for field in fields { _ = try types.offset(of: field.path, in: field.structure) }
    for name in ["task_newtask", "sched_process_exec", "sched_process_exit"] {
      _ = types.tracepoint(name)
    }
    let end = clock.now
    print("KernelBTF: opening \(opened - begin), \(fields.count + 3) look-ups \(end - opened)")
    #expect(end - begin < .seconds(2))
  }

  private func output(of command: [String], errors: Bool = false) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    var environment = ProcessInfo.processInfo.environment
    environment["PATH", default: ""] += ":/usr/sbin:/sbin"
    process.environment = environment
    let pipe = Pipe()
    if errors { process.standardError = pipe } else { process.standardOutput = pipe }
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(errors || process.terminationStatus == 0, "\(command.joined(separator: " "))")
    return String(decoding: data, as: UTF8.self)
  }
}
