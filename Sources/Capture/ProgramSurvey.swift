package import BPFLoader
import Glibc
import SequencerABI

/// What the running kernel makes of the programs of a choice of families: loaded, attached and gone again.
package struct ProgramSurvey: Sendable {
  /// A program that was loaded and attached.
  package struct Program: Sendable {
    /// The function's name.
    package let name: String
    /// Its instructions, as the object has them.
    package let instructions: Int
    /// Those of them that the kernel kept, the dead ones left out.
    package let kept: Int
    /// What it cost the verifier.
    package let verifier: VerifierStatistics
  }

  /// The family's name; "all" for all of them in one capture with every filter.
  package let name: String
  /// The programs, in the order of attachment.
  package let programs: [Program]
  /// Why the kernel took them not; nil if it did.
  package let problem: String?

  /// Each family by itself, and all of them with filters: the least and the most of code that the verifier
  /// sees. No program passes an event on meanwhile.
  package static func all() -> [ProgramSurvey] {
    var surveys = EventFamily.available.map { family in
      var options = CaptureOptions()
      options.families = [family]
      return survey(family.name.description, options)
    }
    var options = CaptureOptions()
    // Without those that this kernel has not: they are told of above.
    options.families = Set(
      zip(EventFamily.available, surveys).filter { $1.problem == nil }.map(\.0))
    options.filter.followsCommand = true
    options.filter.uids = [0]
    options.filter.comm = (TaskComm(), TaskComm())
    options.timestamps = .coarse
    surveys.append(survey("all", options))
    return surveys
  }

  /// The programs of one capture.
  ///
  /// - Parameters:
  ///   - name: what to call it.
  ///   - options: the capture's.
  /// - Returns: the programs, or why the kernel took them not.
  package static func survey(_ name: String, _ options: CaptureOptions) -> ProgramSurvey {
    do throws(CaptureError) {
      return ProgramSurvey(name: name, programs: try load(options), problem: nil)
    } catch {
      return ProgramSurvey(name: name, programs: [], problem: error.description)
    }
  }

  private static func load(_ options: CaptureOptions) throws(CaptureError) -> [Program] {
    guard let cpus = CPUList.possible()?.max().map({ $0 + 1 }) else {
      throw CaptureError(
        "can't read /sys/devices/system/cpu/possible; check that /sys is mounted")
    }
    let facts = try KernelFacts(for: options)
    let geometry = try RingSize.geometry(bytes: nil, possibleCPUs: cpus)
    let object: BPFObject
    do throws(CaptureError) {
      object = try loadSequencer(
        options, facts: facts, geometry: geometry, cpus: cpus, measured: true)
    } catch {
      // Statistics take the place of the log, which says why.
      _ = try loadSequencer(options, facts: facts, geometry: geometry, cpus: cpus)
      throw error
    }
    do throws(BPFError) {
      var links = ProgramLinks()
      try links.attach(object, facts.programs)
      var programs: [Program] = []
      for spec in facts.programs {
        guard let statistics = try object.verifierStatistics(of: spec.name) else { continue }
        programs.append(
          Program(
            name: spec.name, instructions: try object.instructionCount(of: spec.name),
            kept: try object.keptInstructionCount(of: spec.name), verifier: statistics))
      }
      links.detach()
      return programs
    } catch {
      throw CaptureError(wrapping: error)
    }
  }
}
