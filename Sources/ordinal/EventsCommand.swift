import ArgumentParser
import Capture
import EventFormats
import KernelEvents
import SequencerABI

/// `ordinal events`: the families, their events and fields.
struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "List the families of events, or one family's events and fields.",
    discussion: """
      The families are what `ordinal trace --events` takes. Works without privilege; whether this \
      machine's kernel has what a family needs is told by `ordinal doctor`.
      """)

  @Argument(help: "A family, to be told with all its fields.")
  var family: String?

  @Flag(help: "Write all of it as Markdown: docs/events.md.")
  var markdown = false

  func validate() throws {
    if markdown && family != nil {
      throw ValidationError("--markdown writes all families; leave the family out")
    }
  }

  func run() throws {
    let families = EventFamily.available
    do {
      if markdown { return try writeOut(EventReference.markdown(of: families)) }
      guard let name = family else { return try writeOut(EventReference.overview(of: families)) }
      guard let found = EventFamily(name: name), families.contains(found) else {
        let all = families.map(\.name.description).joined(separator: ", ")
        throw Failure("there is no family '\(name)'; this version has: \(all)")
      }
      try writeOut(EventReference.details(of: found))
    } catch let failure as Failure {
      complain(failure.message)
      throw ExitCode(failure.status)
    }
  }
}
