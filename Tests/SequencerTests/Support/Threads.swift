import Glibc

/// Runs `body` on `count` threads of its own, and returns when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Work: Sendable {
    let index: Int
    let body: @Sendable (Int) -> Void
    init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.index = index
      self.body = body
    }
  }
  var threads = [pthread_t](repeating: pthread_t(), count: count)
  for index in 0..<count {
    let work = unsafe Unmanaged.passRetained(Work(index, body)).toOpaque()
    // The thread takes over the reference.
    let status = unsafe pthread_create(
      &threads[index], nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        work.body(work.index)
        return nil
      }, work)
    precondition(status == 0, "no thread to be had")
  }
  for thread in threads { pthread_join(thread, nil) }
}
