import Glibc
import RingStress

// The stress of the ring as a program: built with the optimiser it does in minutes what takes a debug
// build an hour; built with ThreadSanitizer it shows that no access races.

/// Prints a line and ends.
func fail(_ message: String, status: Int32) -> Never {
  print("ring-stress: \(message)")
  exit(status)
}

let arguments = CommandLine.arguments.dropFirst()
guard let wanted = arguments.first, arguments.count <= 2 else {
  fail(
    "say how many records to deliver and how many races to park in, or 'race'; "
      + "e.g. ring-stress 1000000 10000", status: 64)
}
// A race on purpose, to show that whoever watches this run would tell of one.
if wanted == "race" {
  raceOnPurpose()
  fail("two threads wrote to one slot", status: 0)
}
guard let records = UInt64(wanted), let races = UInt64(arguments.dropFirst().first ?? "1000") else {
  fail("'\(arguments.joined(separator: " "))' are no numbers", status: 64)
}

var delivered: UInt64 = 0
var complaints: [String] = []
for stress in Stress.plan(records: records) {
  let result = stress.run()
  print("stress: \(stress): \(result)")
  fflush(nil)
  delivered += result.delivered
  complaints += result.complaints.map { "\(stress): \($0)" }
}
do {
  let races = try ParkRaces(races: races).run()
  print("park: \(races)")
  complaints += races.complaints
} catch {
  complaints.append("\(error)")
}
for complaint in complaints { print("ring-stress: \(complaint)") }
print(
  "ring-stress: \(delivered) records delivered whole, in order and accounted for: "
    + (complaints.isEmpty ? "yes" : "no"))
exit(complaints.isEmpty && delivered >= records ? 0 : 1)
