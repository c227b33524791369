import Testing
@Suite struct Smoke { @Test func a() { #expect(Ordinal_Perfetto_Trace().packet.isEmpty) } }
