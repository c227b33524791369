import BPFLoader
import Capture
import SequencerABI
import TestSupport
import Testing

/// Whether programs can do it here.
private let kernelHasFunctions: Bool = {
  guard let types = try? KernelBTF() else { return false }
  return ProgramPreemption.missingFunctions(types).isEmpty
}()

extension LiveKernelTests {
  /// Programs that keep other tasks off their CPU themselves, as they must on Linux 7.0 and newer; here on any kernel
  /// that has the functions for it.
  @Suite(.enabled(if: kernelHasFunctions)) struct PreemptionKernelTests {
    @Test("Every program that may be preempted prevents it, and none where the kernel does")
    func programsCallTheKernel() throws {
      var options = CaptureOptions()
      options.families = [.process, .credentials, .file, .network, .syscall, .signal, .scheduler]
      options.avoidsFunctions = true
      let plain = ProgramSurvey.survey("plain", options)
      options.preventsPreemption = true
      let prevented = ProgramSurvey.survey("prevented", options)
      #expect(plain.problem == nil && prevented.problem == nil)
      #expect(plain.programs.map(\.name) == prevented.programs.map(\.name))
      let isNew = !ProgramPreemption.isPossible
      for (before, after) in zip(plain.programs, prevented.programs) {
        // A switch, a wakeup: in the midst of a spinning lock.
        let inLock =
          before.name.hasPrefix("sched_") && !before.name.contains("exec")
          && !before.name.contains("exit")
        // At least a call at its begin and three at its end, of which nothing is left without.
        let more = after.kept - before.kept
        #expect(isNew && !inLock ? more >= 4 : more == 0, "\(before.name): \(more)")
      }
      #expect(plain.programs.count > 10)
    }

    @Test func nothingIsLostOrMadeUp() throws {
      var options = CaptureOptions()
      options.preventsPreemption = true
      let capture = try captureMachine(options) {
        try ChildProcess(StormKernelTests.stress, ["--fork", "2", "--fork-ops", "20000"])
      }
      expectExact(capture)
    }
  }
}
