import Foundation
import Glibc
import TestSupport
import Testing

extension LiveKernelTests {
  /// Acts on files and sockets, done by the test itself: what the calls returned, and what stat(), getsockname()
  /// and getpeername() say, against the lines.
  @Suite struct NetFileKernelTests {
    // MARK: Files

    /// Opens: what writes or creates is told, what only reads is not.
    @Test func opens() throws {
      let place = try Place()
      var opened: [(descriptor: Int32, status: stat)] = []
      func keep(_ descriptor: Int32) {
        opened.append((descriptor, Call.status(descriptor)))
      }
      let told = try capture("file") {
        keep(Call.openat(place.directory, "made", O_WRONLY | O_CREAT, 0o640))
        keep(Call.open(place.file("made"), O_RDWR | O_TRUNC))
        keep(openHow(place.directory, "how", flags: UInt64(O_RDWR | O_CREAT), mode: 0o600))
        keep(Call.creat(place.file("creat"), 0o751))
        keep(Call.openat(place.directory, ".", O_RDWR | O_DIRECTORY | 0x40_0000, 0o600))
        // No events: they read, or have no access at all.
        closeDescriptor(Call.open(place.file("made"), O_RDONLY))
        closeDescriptor(Call.open(place.file("made"), 0x20_0000 | O_WRONLY))
        #expect(Call.openat(place.directory, "none/x", O_WRONLY | O_CREAT, 0o644) == -1)
        #expect(Call.open("/proc/none", O_WRONLY) == -1)
        #expect(Call.openat(-7, "relative", O_WRONLY) == -1)
        #expect(openHow(place.directory, "odd", flags: UInt64(O_RDWR), mode: 0o600) == -22)
      }
      for entry in opened { closeDescriptor(entry.descriptor) }
      expect(
        told,
        [
          file(opened[0], path: "\(place.path)/made").merging([
            "access_name": "O_WRONLY", "flags_names": ["O_CREAT"], "mode": "0640", "created": true,
            "dfd": .int(Int(place.directory)),
          ]) { $1 },
          file(opened[1], path: "\(place.path)/made").merging([
            "access_name": "O_RDWR", "flags_names": ["O_TRUNC"], "mode": nil, "created": false,
            "dfd": -100,
          ]) { $1 },
          file(opened[2], path: "\(place.path)/how").merging([
            "access_name": "O_RDWR", "flags": 0x40, "mode": "0600", "created": true,
          ]) { $1 },
          file(opened[3], path: "\(place.path)/creat").merging([
            "access_name": "O_WRONLY", "flags_names": ["O_CREAT", "O_TRUNC"], "mode": "0751",
            "created": true,
          ]) { $1 },
          file(opened[4], path: "\(place.path)/#\(opened[4].status.st_ino)").merging([
            "mode": "0600", "created": true,
          ]) { $1 },
          failure(-2, base: place.path, asked: "none/x").merging(["mode": "0644"]) { $1 },
          failure(-2, base: nil, asked: "/proc/none").merging(["mode": nil]) { $1 },
          failure(-9, base: nil, asked: "relative").merging(["dfd": -7]) { $1 },
          failure(-22, base: place.path, asked: "odd"),
        ].map { $0.merging(["type": "file_open"]) { $1 } })
    }

    /// A path over a mount point, one with too many components, and one that is too long to ask for.
    @Test func paths() throws {
      let place = try Place()
      let name = "ordinal-\(getpid())"
      var deep = place.path
      for level in 0..<40 {
        deep += "/l\(level)"
        #expect(Call.mkdir(deep, 0o755) == 0)
      }
      let long = "/" + String(repeating: "x/", count: 600)
      var opened: [(descriptor: Int32, status: stat)] = []
      let told = try capture("file") {
        for path in ["/dev/shm/\(name)", deep + "/leaf"] {
          let descriptor = Call.open(path, O_WRONLY | O_CREAT, 0o600)
          let status = Call.status(descriptor)
          opened.append((descriptor, status))
        }
        #expect(Call.open(long, O_WRONLY) == -1)
        _ = Call.unlink("/dev/shm/\(name)")
      }
      for entry in opened { closeDescriptor(entry.descriptor) }
      expect(
        told,
        [
          file(opened[0], path: "/dev/shm/\(name)"),
          [
            "result": .int(Int(opened[1].descriptor)), "truncated": true,
            "path": .string("…" + (9..<40).map { "/l\($0)" }.joined() + "/leaf"),
          ],
          [
            "result": -2, "truncated": true, "base": nil,
            "asked": .string(String(long.prefix(1023))),
          ],
          ["type": "file_unlink", "result": 0, "asked": .string("/dev/shm/\(name)")],
        ])
    }

    /// Other names, modes, owners, and none any more.
    @Test func changes() throws {
      let place = try Place()
      let descriptor = Call.open(place.file("a"), O_RDWR | O_CREAT, 0o600)
      let status = Call.status(descriptor)
      #expect(Call.mkdir(place.file("sub"), 0o755) == 0)
      let sub = Call.open(place.file("sub"), O_RDONLY | O_DIRECTORY)
      let subStatus = Call.status(sub)
      // A path's inode is known where programs may stand on functions.
      let seesInodes = try run(try BuildFolder.program("ordinal"), ["doctor"]).text
        .contains("changed: fentry on security_inode_unlink")
      let told = try capture("file") {
        #expect(fchmod(descriptor, 0o4711) == 0)
        #expect(Call.chmod(place.file("a"), 0o640) == 0)
        #expect(Call.fchmodat(place.directory, "a", 0o604, 0) == 0)
        #expect(fchown(descriptor, 1, .max) == 0)
        #expect(Call.lchown(place.file("a"), .max, 2) == 0)
        // An empty path is the descriptor's own file.
        #expect(changeOwner(descriptor, "", 3, 4, flags: 0x1000) == 0)
        #expect(Call.chmod(place.file("none"), 0o640) == -1)
        #expect(Call.rename(place.file("a"), place.file("b")) == 0)
        #expect(rename(place.directory, "b", to: sub, "c", flags: 1) == 0)
        #expect(rename(place.directory, "none", to: sub, "d", flags: 0) == -2)
        #expect(Call.unlinkat(sub, "c", 0) == 0)
        #expect(Call.unlink(place.file("none")) == -1)
        #expect(Call.rmdir(place.file("sub")) == 0)
      }
      closeDescriptor(descriptor)
      closeDescriptor(sub)
      let own: JSONLine = [
        "inode": .int(Int(status.st_ino)), "path": .string("\(place.path)/a"), "base": nil,
        "asked": nil, "dfd": .int(Int(descriptor)), "result": 0,
        "device": .device(status.st_dev),
      ]
      func seen(_ status: stat?) -> JSONLine {
        guard seesInodes, let status else { return ["inode": nil, "device": nil] }
        return ["inode": .int(Int(status.st_ino)), "device": .device(status.st_dev)]
      }
      func asked(
        _ type: String, _ name: String, of status: stat? = nil, result: Int = 0
      ) -> JSONLine {
        seen(status).merging([
          "type": .string(type), "asked": .string(place.file(name)), "base": nil, "path": nil,
          "result": .int(result), "dfd": -100,
        ]) { $1 }
      }
      expect(
        told,
        [
          own.merging(["type": "file_chmod", "mode": "04711"]) { $1 },
          asked("file_chmod", "a", of: status).merging(["mode": "0640"]) { $1 },
          seen(status).merging([
            "type": "file_chmod", "asked": "a", "base": .string(place.path), "mode": "0604",
            "dfd": .int(Int(place.directory)), "result": 0,
          ]) { $1 },
          own.merging(["type": "file_chown", "owner": 1, "group": nil]) { $1 },
          asked("file_chown", "a", of: status).merging([
            "owner": nil, "group": 2, "flags_names": ["AT_SYMLINK_NOFOLLOW"],
          ]) { $1 },
          own.merging(["type": "file_chown", "owner": 3, "group": 4]) { $1 },
          asked("file_chmod", "none", result: -2),
          asked("file_rename", "a", of: status).merging([
            "new_asked": .string(place.file("b")), "new_base": nil, "new_dfd": -100,
          ]) { $1 },
          seen(status).merging([
            "type": "file_rename", "base": .string(place.path), "asked": "b",
            "new_base": .string("\(place.path)/sub"), "new_asked": "c", "result": 0,
            "dfd": .int(Int(place.directory)), "new_dfd": .int(Int(sub)),
            "flags_names": ["RENAME_NOREPLACE"],
          ]) { $1 },
          seen(nil).merging([
            "type": "file_rename", "asked": "none", "new_asked": "d", "result": -2,
          ]) { $1 },
          seen(status).merging([
            "type": "file_unlink", "asked": "c", "base": .string("\(place.path)/sub"), "result": 0,
            "flags": 0,
          ]) { $1 },
          asked("file_unlink", "none", result: -2),
          asked("file_unlink", "sub", of: subStatus).merging(["flags_names": ["AT_REMOVEDIR"]]) {
            $1
          },
        ])
    }

    // MARK: Sockets

    /// A connection from bind to both accept and connect, and its states.
    @Test(arguments: [(TestSocket.ipv4, "127.0.0.1", "0.0.0.0"), (TestSocket.ipv6, "::1", "::")])
    func connection(_ family: Int32, _ address: String, _ none: String) throws {
      var ends: [(local: (String, Int), remote: (String, Int))] = []
      var inodes: [Int] = []
      var descriptors: [Int32] = []
      let told = try capture("net") {
        let listener = try TestSocket(family)
        #expect(listener.bind(address) == 0 && listener.listen(9) == 0)
        let client = try TestSocket(family)
        #expect(client.connect(address, port: Int32(listener.local.port)) == 0)
        let accepted = try listener.accept()
        ends = [
          (listener.local, (none, 0)), (client.local, client.remote),
          (accepted.local, accepted.remote),
        ]
        for socket in [listener, client, accepted] {
          let status = Call.status(socket.descriptor)
          inodes.append(Int(status.st_ino))
          descriptors.append(socket.descriptor)
        }
        withExtendedLifetime(accepted) {}
      }
      func end(_ index: Int, _ rest: JSONLine) -> JSONLine {
        rest.merging([
          "family": .int(Int(family)), "socket_type_name": "SOCK_STREAM",
          "protocol_name": "IPPROTO_TCP", "inode": .int(inodes[index]),
          "local": .string(ends[index].local.0), "local_port": .int(ends[index].local.1),
        ]) { $1 }
      }
      func both(_ index: Int, _ rest: JSONLine) -> JSONLine {
        end(
          index,
          rest.merging([
            "remote": .string(ends[index].remote.0), "remote_port": .int(ends[index].remote.1),
          ]) { $1 })
      }
      expect(
        told.filter { $0["type"] != "tcp_state" },
        [
          end(
            0,
            ["type": "net_bind", "result": 0, "requested": false, "fd": .int(Int(descriptors[0]))]),
          end(0, ["type": "net_listen", "result": 0, "backlog": 9]),
          both(
            1,
            [
              "type": "net_connect", "result": 0, "requested": false,
              "fd": .int(Int(descriptors[1])),
            ]),
          both(
            2,
            [
              "type": "net_accept", "result": .int(Int(descriptors[2])),
              "fd": .int(Int(descriptors[0])),
            ]),
        ])
      // While the process holds them, all of loopback happens on its own time.
      let states = told.filter { $0["type"] == "tcp_state" }
      expect(
        Array(states.prefix(3)),
        [
          both(0, ["old_state_name": "TCP_CLOSE", "new_state_name": "TCP_LISTEN"]),
          [
            "old_state_name": "TCP_CLOSE", "new_state_name": "TCP_SYN_SENT",
            "inode": .int(inodes[1]), "remote": .string(address),
            "remote_port": .int(ends[0].local.1),
          ],
          both(1, ["old_state_name": "TCP_SYN_SENT", "new_state_name": "TCP_ESTABLISHED"]),
        ])
      #expect(
        states.contains {
          $0["old_state_name"] == "TCP_SYN_RECV" && $0["new_state_name"] == "TCP_ESTABLISHED"
            && $0["local_port"] == .int(ends[2].local.1) && $0["inode"] == .null
        })
    }

    /// Calls that fail tell what was asked for; a datagram's connect has an address as well.
    @Test func addressesAskedFor() throws {
      var port = 0
      let told = try capture("net") {
        let closed = try TestSocket(TestSocket.ipv4)
        #expect(closed.bind("127.0.0.1") == 0)
        port = closed.local.port
        let client = try TestSocket(TestSocket.ipv4)
        // Bound, but nobody listens.
        #expect(client.connect("127.0.0.1", port: Int32(port)) == -111)
        #expect(try TestSocket(TestSocket.ipv4).bind("203.0.113.9", port: 77) == -99)
        #expect(try TestSocket(TestSocket.ipv6).bind("2001:db8::7", port: 78) == -99)
        let datagrams = try TestSocket(TestSocket.ipv4, type: 2)
        #expect(datagrams.connect("127.0.0.1", port: 9) == 0)
        #expect(try TestSocket(TestSocket.unix).connect("/none/such") == -2)
      }
      expect(
        told.filter { $0["type"] != "tcp_state" },
        [
          ["type": "net_bind", "result": 0],
          [
            "type": "net_connect", "result": -111, "error": "ECONNREFUSED", "requested": true,
            "remote": "127.0.0.1", "remote_port": .int(port),
          ],
          [
            "type": "net_bind", "result": -99, "requested": true, "local": "203.0.113.9",
            "local_port": 77,
          ],
          [
            "type": "net_bind", "result": -99, "requested": true, "local": "2001:db8::7",
            "local_port": 78,
          ],
          [
            "type": "net_connect", "result": 0, "requested": false, "protocol_name": "IPPROTO_UDP",
            "remote": "127.0.0.1", "remote_port": 9,
          ],
          [
            "type": "net_connect", "result": -2, "requested": true, "path": "/none/such",
            "family_name": "AF_UNIX", "protocol": nil, "local": nil, "remote": nil,
          ],
        ])
    }

    /// UNIX sockets, by path and by abstract name.
    @Test(arguments: [false, true]) func unixSockets(isAbstract: Bool) throws {
      let folder = try TemporaryFolder()
      let name = isAbstract ? "@ordinal-\(getpid())" : folder.file("s")
      let told = try capture("net") {
        let listener = try TestSocket(TestSocket.unix)
        #expect(listener.bind(name) == 0 && listener.listen(2) == 0)
        let client = try TestSocket(TestSocket.unix)
        #expect(client.connect(name) == 0)
        _ = try listener.accept()
      }
      let path = isAbstract ? "\0" + name.dropFirst() : name
      expect(
        told,
        ["net_bind", "net_listen", "net_connect", "net_accept"].map {
          ["type": $0, "path": .string(path), "family_name": "AF_UNIX", "local": nil]
        })
    }

    // MARK: Support

    /// A folder, by the path that the kernel has for it, and a descriptor of it.
    private final class Place {
      let folder: TemporaryFolder
      let path: String
      let directory: Int32

      init() throws {
        folder = try TemporaryFolder()
        path = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
        directory = Call.open(path, O_RDONLY | O_DIRECTORY)
      }

      func file(_ name: String) -> String { "\(path)/\(name)" }

      deinit { closeDescriptor(directory) }
    }

    /// Traces this process while `acts` runs, on this thread.
    private func capture(_ families: String, _ acts: () throws -> Void) throws -> [JSONLine] {
      let trace = try Trace(["--events", families, "-o", "json", "--pid", "\(getpid())"])
      try trace.waitUntilTracing()
      try acts()
      #expect(try trace.stop() == 0)
      let summary = try trace.summary()
      #expect(summary.lost == 0 && summary.missed == 0)
      let text = try String(contentsOfFile: trace.folder.file("out"), encoding: .utf8)
      let lines = try text.split(separator: "\n").map {
        try JSONDecoder().decode(JSONLine.self, from: Data($0.utf8))
      }
      // Other tests' support may run on other threads.
      return lines.filter { $0["tid"] == .int(Int(threadID)) }
    }

    /// Compares line by line, and of each line the keys that are wanted.
    private func expect(
      _ lines: [JSONLine], _ wanted: [JSONLine], location: SourceLocation = #_sourceLocation
    ) {
      #expect(lines.count == wanted.count, "\(lines)", sourceLocation: location)
      for (index, (line, want)) in zip(lines, wanted).enumerated() {
        for (key, value) in want {
          #expect(line[key] == value, "line \(index), \(key)", sourceLocation: location)
        }
      }
    }

    private func file(_ opened: (descriptor: Int32, status: stat), path: String) -> JSONLine {
      [
        "result": .int(Int(opened.descriptor)), "error": nil,
        "inode": .int(Int(opened.status.st_ino)), "device": .device(opened.status.st_dev),
        "path": .string(path), "base": nil, "asked": nil, "truncated": false, "fault": false,
      ]
    }

    private func failure(_ result: Int, base: String?, asked: String) -> JSONLine {
      [
        "result": .int(result), "inode": nil, "device": nil, "path": nil,
        "base": base.map { .string($0) } ?? .null, "asked": .string(asked), "created": false,
        "truncated": false, "fault": false,
      ]
    }
  }
}

/// The C library's calls, which take pointers.
private enum Call {
  static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
    unsafe Glibc.open(path, flags, mode)
  }
  static func openat(
    _ directory: Int32, _ path: String, _ flags: Int32, _ mode: mode_t = 0
  ) -> Int32 { unsafe Glibc.openat(directory, path, flags, mode) }
  static func creat(_ path: String, _ mode: mode_t) -> Int32 { unsafe Glibc.creat(path, mode) }
  static func mkdir(_ path: String, _ mode: mode_t) -> Int32 { unsafe Glibc.mkdir(path, mode) }
  static func rmdir(_ path: String) -> Int32 { unsafe Glibc.rmdir(path) }
  static func unlink(_ path: String) -> Int32 { unsafe Glibc.unlink(path) }
  static func unlinkat(_ directory: Int32, _ path: String, _ flags: Int32) -> Int32 {
    unsafe Glibc.unlinkat(directory, path, flags)
  }
  static func rename(_ path: String, _ other: String) -> Int32 { unsafe Glibc.rename(path, other) }
  static func chmod(_ path: String, _ mode: mode_t) -> Int32 { unsafe Glibc.chmod(path, mode) }
  static func fchmodat(
    _ directory: Int32, _ path: String, _ mode: mode_t, _ flags: Int32
  ) -> Int32 { unsafe Glibc.fchmodat(directory, path, mode, flags) }
  static func lchown(_ path: String, _ owner: uid_t, _ group: gid_t) -> Int32 {
    unsafe Glibc.lchown(path, owner, group)
  }
  static func status(_ descriptor: Int32) -> stat {
    var status = stat()
    _ = unsafe fstat(descriptor, &status)
    return status
  }
}

private typealias JSONLine = [String: JSONValue]

/// A value of a line, to be compared.
private enum JSONValue: Decodable, Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// A device, as stat() encodes it.
  static func device(_ device: dev_t) -> JSONValue {
    // gnu_dev_major() and gnu_dev_minor() of sys/sysmacros.h, which Swift doesn't see.
    let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
    let minor = device & 0xFF | (device >> 12) & ~0xFF
    return .object(["major": .int(Int(major)), "minor": .int(Int(minor))])
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .int(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(nilLiteral: ()) { self = .null }
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}
