@testable import BPFPipeline

/// Where this package lies, from this file's own path.
let packageRoot = Files.join(#filePath, "../../..")

/// An object's description that expects one claim of the section `tp_btf/x`.
func spec(
  claims: [String: Int] = [:], localFunctions: [String] = [], externs: [String] = []
) -> ObjectSpec {
  ObjectSpec(
    name: "test", clangModules: [], modules: [], programs: "Programs", maps: "Maps.bpf.c",
    defines: [], swiftFlags: [], cFlags: [], claims: claims, localFunctions: localFunctions,
    externs: externs)
}

/// What llvm-objdump prints for an object with one program that claims and publishes.
func disassembly(
  symbols: String = "", instructions: String = "", sections: String = ""
) -> String {
  """

  test.o:\tfile format elf64-bpf

  Sections:
  Idx Name                          Size     VMA              Type
    0                               00000000 0000000000000000 
    1 .strtab                       00000083 0000000000000000 
    2 tp_btf/x                      00000070 0000000000000000 TEXT
    3 .reltp_btf/x                  00000020 0000000000000000 
    4 license                       0000000d 0000000000000000 DATA
    5 .maps                         00000020 0000000000000000 DATA
    6 .BTF                          0000049b 0000000000000000 
  \(sections)
  SYMBOL TABLE:
  0000000000000000 l    d  tp_btf/x\t0000000000000000 tp_btf/x
  0000000000000000 g     F tp_btf/x\t0000000000000070 .protected handle
  0000000000000000 g     O .maps\t0000000000000020 counters
  0000000000000000 g     O license\t000000000000000d LICENSE
  \(symbols)

  Disassembly of section tp_btf/x:

  0000000000000000 <handle>:
         0:\t18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00\tr1 = 0x0 ll
  \t\t0000000000000020:  R_BPF_64_64\tcounters
         2:\t85 00 00 00 01 00 00 00\tcall 0x1
         3:\tdb 10 00 00 01 00 00 00\tr1 = atomic_fetch_add((u64 *)(r0 + 0x0), r1)
         4:\tdb 10 00 00 e1 00 00 00\tr1 = xchg_64(r0 + 0x0, r1)
         5:\tdb 20 00 00 00 00 00 00\tlock *(u64 *)(r0 + 0x0) += r2
  \(instructions)
         6:\t95 00 00 00 00 00 00 00\texit
  """
}

/// The IR of a program whose body is `body`.
func ir(_ body: String, more: String = "") -> String {
  """
  @counters = dso_local global %maps zeroinitializer, section ".maps", align 8, !dbg !11
  @llvm.used = appending global [1 x ptr] [ptr @handle], section "llvm.metadata"

  define protected signext i32 @handle(ptr %0) #0 section "tp_btf/x" !dbg !72 {
  \(body)
    ret i32 0, !dbg !96
  }
  \(more)
  """
}
