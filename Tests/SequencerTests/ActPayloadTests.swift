import SequencerABI
import Testing

/// Sizes of the payloads of acts: records hold them as they are.
@Suite struct ActPayloadTests {
  @Test func sizes() {
    #expect(MemoryLayout<TaskReference>.size == 32)
    // Kept as words between the ends of a call (KIT_ACT_ of BPFCKit.h), and copied as words.
    #expect(MemoryLayout<FullCredentials>.size == 96)
    #expect(MemoryLayout<NamespaceSet>.size == 40)
    #expect(MemoryLayout<CredentialsPayload>.size == 248)
    #expect(MemoryLayout<CredentialsPayload>.offset(of: \.before) == 56)
    #expect(MemoryLayout<NamespacePayload>.size == 128)
    #expect(MemoryLayout<NamespacePayload>.offset(of: \.before) == 48)
    #expect(MemoryLayout<PtracePayload>.size == 112)
    #expect(MemoryLayout<PtracePayload>.offset(of: \.tracer) == 48)
    #expect(MemoryLayout<ProcessMemoryPayload>.size == 64)
    #expect(MemoryLayout<BPFPayload>.size == 64)
    #expect(MemoryLayout<ModulePayload>.size == 32)
    #expect(MemoryLayout<ModuleCallPayload>.size == 48)
    #expect(MemoryLayout<MountPayload>.size == 64)
  }
}
