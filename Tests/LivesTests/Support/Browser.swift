import Foundation
import Glibc
import TestSupport

/// A headless Chromium that shows one page, driven through its DevTools pipe: real layout, real input.
final class Browser {
  /// What the page reported: exceptions and errors, and the addresses it asked for.
  private(set) var errors: [String] = []
  private(set) var requests: [String] = []

  private let folder: TemporaryFolder
  private let child: ChildProcess
  private let toBrowser: Int32
  private let fromBrowser: Int32
  private var buffer: [UInt8] = []
  private var nextID = 0
  private var session: String?

  /// Starts the browser with a window of this size.
  init(width: Int = 1440, height: Int = 1000) throws {
    folder = try TemporaryFolder()
    let pipes = [folder.file("to"), folder.file("from")]
    for path in pipes where unsafe mkfifo(path, 0o600) != 0 {
      throw SupportError("can't make \(path)")
    }
    // Both ways: then neither side waits for the other to open.
    toBrowser = unsafe open(pipes[0], O_RDWR | O_CLOEXEC)
    fromBrowser = unsafe open(pipes[1], O_RDWR | O_CLOEXEC)
    let script = """
      exec chromium --headless=new --no-sandbox --disable-gpu --no-first-run --disable-extensions \
      --disable-background-networking --user-data-dir="$3" --remote-debugging-pipe 3<"$1" 4>"$2"
      """
    child = try ChildProcess(
      "/bin/sh", ["-c", script, "sh"] + pipes + [folder.file("profile")],
      output: .file(folder.file("log")), errors: .file(folder.file("log")), leadsGroup: true)
    let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] ?? ""
    let attached = try call("Target.attachToTarget", ["targetId": target, "flatten": true])
    session = attached["sessionId"] as? String
    for domain in ["Runtime", "Log", "Network", "Page"] { try call("\(domain).enable") }
    try resize(width, height)
  }

  deinit {
    _ = try? call("Browser.close")
    _ = try? child.wait(seconds: 20)
    // Its helpers are of its group.
    kill(-child.pid, SIGKILL)
    close(toBrowser)
    close(fromBrowser)
  }

  /// Makes the window's inside this large.
  func resize(_ width: Int, _ height: Int) throws {
    try call(
      "Emulation.setDeviceMetricsOverride",
      ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
  }

  /// Writes a page into a file, opens it and waits until it has been drawn.
  func show(_ page: String, address: String = "") throws {
    let file = folder.file("page.html")
    try page.write(toFile: file, atomically: true, encoding: .utf8)
    try call("Page.navigate", ["url": "about:blank"])
    requests.removeAll()
    try call("Page.navigate", ["url": "file://\(file)\(address.isEmpty ? "" : "#" + address)"])
    try waitUntil("the page to be drawn", seconds: 60) {
      try evaluate("document.readyState === 'complete' && !!document.getElementById('tip')")
        as? Bool == true
    }
    try settle()
  }

  /// Lets the page draw what it has to.
  func settle() throws {
    _ = try evaluate(
      "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
  }

  /// The value of an expression in the page.
  @discardableResult
  func evaluate(_ expression: String) throws -> Any? {
    let answer = try call(
      "Runtime.evaluate",
      ["expression": expression, "returnByValue": true, "awaitPromise": true])
    if let problem = answer["exceptionDetails"] {
      throw SupportError("\(expression): \(problem)")
    }
    return (answer["result"] as? [String: Any])?["value"]
  }

  /// The text of the first element that a selector finds.
  func text(_ selector: String) throws -> String {
    let found = try evaluate("document.querySelector(\(quoted(selector)))?.textContent")
    return found as? String ?? ""
  }

  /// Where a part of an element is in the window: shares of its width and height, or pixels from its top.
  func place(
    _ selector: String, x: Double = 0.5, y: Double = 0.5, pixels: Double? = nil
  ) throws -> (x: Double, y: Double) {
    let box = try evaluate(
      "(() => { const b = document.querySelector(\(quoted(selector))).getBoundingClientRect();"
        + "return [b.left, b.top, b.width, b.height]; })()")
    guard let box = box as? [Any] else { throw SupportError("there is no \(selector)") }
    let sides = box.map { ($0 as? NSNumber)?.doubleValue ?? 0 }
    return (sides[0] + sides[2] * x, sides[1] + (pixels ?? sides[3] * y))
  }

  /// Scrolls an element into the window.
  func scroll(to selector: String) throws {
    try evaluate(
      "document.querySelector(\(quoted(selector))).scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    try settle()
  }

  func move(_ at: (x: Double, y: Double), isPressed: Bool = false) throws {
    try mouse("mouseMoved", at, isPressed: isPressed)
    try settle()
  }

  func click(_ at: (x: Double, y: Double)) throws { try drag(from: at, to: at) }

  func drag(from: (x: Double, y: Double), to: (x: Double, y: Double)) throws {
    try mouse("mousePressed", from)
    if from != to {
      for step in 1...4 {
        let share = Double(step) / 4
        try move(
          (from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share), isPressed: true)
      }
    }
    try mouse("mouseReleased", to)
    try settle()
  }

  func wheel(_ at: (x: Double, y: Double), by delta: Double) throws {
    try call(
      "Input.dispatchMouseEvent",
      ["type": "mouseWheel", "x": at.x, "y": at.y, "deltaX": 0, "deltaY": delta])
    try settle()
  }

  func press(_ key: String) throws {
    var event: [String: Any] = ["type": "keyDown", "key": key]
    if key.count == 1 { event["text"] = key }
    if key == "Enter" { event["text"] = "\r" }
    try call("Input.dispatchKeyEvent", event)
    event["type"] = "keyUp"
    event["text"] = nil
    try call("Input.dispatchKeyEvent", event)
    try settle()
  }

  func type(_ text: String, into selector: String) throws {
    try evaluate("document.querySelector(\(quoted(selector))).focus()")
    try call("Input.insertText", ["text": text])
    try settle()
  }

  private func mouse(_ type: String, _ at: (x: Double, y: Double), isPressed: Bool = false) throws {
    let isMove = type == "mouseMoved"
    try call(
      "Input.dispatchMouseEvent",
      [
        "type": type, "x": at.x, "y": at.y, "button": isMove && !isPressed ? "none" : "left",
        "buttons": isPressed || type == "mousePressed" ? 1 : 0, "clickCount": isMove ? 0 : 1,
      ])
  }

  private func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: "\\'") + "'"
  }

  // MARK: The protocol: JSON with a NUL behind each message

  /// Calls a method of the DevTools protocol and waits for its answer.
  @discardableResult
  func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
    nextID += 1
    var message: [String: Any] = ["id": nextID, "method": method, "params": parameters]
    if let session { message["sessionId"] = session }
    let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
    var written = 0
    while written < bytes.count {
      let got = unsafe bytes[written...].withUnsafeBytes {
        unsafe write(toBrowser, $0.baseAddress, $0.count)
      }
      guard got > 0 || errno == EINTR else { throw SupportError("the browser's pipe is closed") }
      written += max(0, got)
    }
    let end = ContinuousClock.now + .seconds(60)
    while true {
      let answer = try nextMessage(until: end, method)
      if answer["id"] as? Int == nextID {
        if let error = answer["error"] { throw SupportError("\(method): \(error)") }
        return answer["result"] as? [String: Any] ?? [:]
      }
      note(answer)
    }
  }

  private func note(_ event: [String: Any]) {
    let parameters = event["params"] as? [String: Any] ?? [:]
    switch event["method"] as? String {
    case "Runtime.exceptionThrown": errors.append("\(parameters)")
    case "Log.entryAdded":
      let entry = parameters["entry"] as? [String: Any] ?? [:]
      if entry["level"] as? String == "error" { errors.append("\(entry["text"] ?? "")") }
    case "Network.requestWillBeSent":
      let request = parameters["request"] as? [String: Any] ?? [:]
      requests.append(request["url"] as? String ?? "")
    default: break
    }
  }

  private func nextMessage(
    until end: ContinuousClock.Instant, _ what: String
  ) throws -> [String: Any] {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let stop = buffer.firstIndex(of: 0) {
        let message = Data(buffer[..<stop])
        buffer.removeSubrange(...stop)
        return try JSONSerialization.jsonObject(with: message) as? [String: Any] ?? [:]
      }
      var ready = pollfd(fd: fromBrowser, events: Int16(POLLIN), revents: 0)
      guard ContinuousClock.now < end, !child.hasEnded else {
        let log = (try? readFile(folder.file("log"))) ?? ""
        throw SupportError("the browser did not answer \(what): \(log.suffix(2000))")
      }
      if unsafe poll(&ready, 1, 1000) <= 0 { continue }
      let got = unsafe read(fromBrowser, &chunk, chunk.count)
      if got > 0 { buffer += chunk[..<got] }
    }
  }
}
