import Testing

@testable import BPFLoader

@Suite("The verifier's statistics")
struct VerifierStatisticsTests {
  @Test("are read off the log's last line that has them")
  func figures() throws {
    let log = """
      0: R1=ctx() R10=fp0
      verification time 1234 usec
      stack depth 96+0
      processed 11840 insns (limit 1000000) max_states_per_insn 12 total_states 321 peak_states 179 mark_read 40

      """
    let statistics = try #require(VerifierStatistics(log: log))
    #expect(statistics.processed == 11840)
    #expect(statistics.totalStates == 321)
    #expect(statistics.peakStates == 179)
  }

  @Test(
    "are nil where the log has none",
    arguments: [
      "", "processed", "processed 12 insns (limit 1000000)",
      "processed x insns (limit 1) total_states 1 peak_states 1",
      "invalid mem access 'scalar'\n",
    ])
  func none(_ log: String) { #expect(VerifierStatistics(log: log) == nil) }
}
