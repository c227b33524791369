import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// The page in a real browser: laid out, drawn, and used with pointer, wheel and keys.
@Suite("The page in a browser", .serialized)
struct BrowserLongTests {
  private let shell = ProcessKey(pid: 900, start: 3_000_000_000)

  /// How often each colour is in a canvas, the most frequent first, as `r,g,b`; what is clear is left out.
  private func colours(_ browser: Browser, _ canvas: String) throws -> [String] {
    let all = try browser.evaluate(
      """
      (() => {
        const canvas = document.getElementById('\(canvas)');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const counts = {};
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3] > 200) {
            const key = `${data[i]},${data[i + 1]},${data[i + 2]}`;
            counts[key] = (counts[key] || 0) + 1;
          }
        return Object.keys(counts).filter(k => counts[k] > 4).sort((a, b) => counts[b] - counts[a]);
      })()
      """)
    return (all as? [Any])?.compactMap { $0 as? String } ?? []
  }

  @Test("it loads nothing else, reports no error, and draws lives, failures, events and losses")
  func draws() throws {
    var stream = LifeStream.build(4000)
    stream.add(RecordBuilder.exec(process: shell).with(lost: [.process: 50]))
    let browser = try Browser()
    try browser.show(page(stream))
    #expect(browser.errors.isEmpty)
    #expect(browser.requests.count == 1)
    #expect(browser.requests.allSatisfy { $0.hasPrefix("file://") })
    // The colours of the style sheet: ended well, ended otherwise, by a signal.
    let lives = try colours(browser, "lives")
    for colour in ["126,166,207", "212,61,61", "177,75,184"] {
      #expect(lives.contains(colour), "\(colour)")
    }
    #expect(try colours(browser, "rate").contains("126,166,207"))
    #expect(try colours(browser, "overview").contains("212,61,61"))
    #expect(try browser.text("#families").contains("process"))
    #expect(Int(try browser.text("#most").filter(\.isNumber)) ?? 0 > 8)
  }

  @Test(
    "wheel, keys and drags change what is in view; without the focus the wheel scrolls the page")
  func moves() throws {
    let browser = try Browser()
    try browser.show(page(.build(4000)))
    try browser.scroll(to: "#lives")
    let whole = try browser.text("#range")
    let middle = try browser.place("#lives")
    try browser.wheel(middle, by: -300)
    #expect(try browser.text("#range") == whole)
    try browser.scroll(to: "#lives")
    try browser.evaluate("document.getElementById('lives').focus({preventScroll: true})")
    try browser.wheel(browser.place("#lives"), by: -300)
    let zoomed = try browser.text("#range")
    #expect(zoomed != whole)
    try browser.press("ArrowRight")
    let moved = try browser.text("#range")
    #expect(moved != zoomed)
    #expect(moved.components(separatedBy: "(").last == zoomed.components(separatedBy: "(").last)
    let from = try browser.place("#lives", x: 0.5, y: 0.5)
    try browser.drag(from: from, to: (from.x + 150, from.y))
    #expect(try browser.text("#range") != moved)
    try browser.press("+")
    #expect(
      try browser.text("#range").components(separatedBy: "(").last
        != zoomed.components(separatedBy: "(").last)
    try browser.press("Home")
    #expect(try browser.text("#range") == whole)
    try browser.scroll(to: "#overview")
    try browser.drag(
      from: browser.place("#overview", x: 0.25), to: browser.place("#overview", x: 0.5))
    let brushed = try browser.text("#range")
    #expect(brushed != whole)
    // The address keeps it, and brings it back.
    try waitUntil("the address to keep the view") {
      try (browser.evaluate("location.hash") as? String)?.contains("t=") == true
    }
    let address = try #require(try browser.evaluate("location.hash") as? String)
    try browser.show(page(.build(4000)), address: String(address.dropFirst()))
    #expect(try browser.text("#range") == brushed)
    #expect(browser.errors.isEmpty)
  }

  @Test(
    "a click selects a life and tells of it; keys go to its parent and children; tables lead there")
  func selects() throws {
    let browser = try Browser()
    try browser.show(page(.build(4000)))
    try browser.scroll(to: "#lives")
    // The first lane is the shell's, which is older than the recording.
    let first = try browser.place("#lives", x: 0.4, pixels: 20 + 3)
    try browser.move(first)
    #expect(try browser.text("#tip").contains("900 bash"))
    try browser.click(first)
    #expect(try browser.text("#details h3") == "bash · 900")
    #expect(try browser.text("#details").contains("−7.000000 s"))
    try browser.press("c")
    #expect(try browser.text("#details h3") == "make · 1001")
    #expect(try browser.text("#details").contains("code 2"))
    #expect(try browser.text("#details pre") == "make -j8 all")
    let whole = try browser.text("#range")
    try browser.press("c")
    #expect(try browser.text("#details pre").hasPrefix("/bin/sh -c 'cc -O2 -c src/part0.c"))
    try browser.press("Enter")
    #expect(try browser.text("#range") != whole)
    try browser.press("p")
    #expect(try browser.text("#details h3") == "make · 1001")
    try browser.press("Escape")
    #expect(try browser.text("#details").contains("Select a life"))
    let button = try browser.text(".tables button[data-life]")
    try browser.evaluate("document.querySelector('.tables button[data-life]').click()")
    try browser.settle()
    #expect(try browser.text("#details h3") == "sh · \(button)")
    #expect(browser.errors.isEmpty)
  }

  @Test("the search finds names, arguments and pids, and goes from one to the next")
  func searches() throws {
    let browser = try Browser()
    try browser.show(page(.build(4000)))
    try browser.type("PART17.C", into: "#search")
    // In the shell's and the compiler's arguments, of every 400th file.
    #expect(try browser.text("#found") == "6 found")
    #expect(try browser.text("#details h4") == "Found 6")
    try browser.press("Enter")
    #expect(try browser.text("#found") == "1 of 6")
    #expect(try browser.text("#details pre").contains("part17.c"))
    try browser.press("Enter")
    #expect(try browser.text("#found") == "2 of 6")
    try browser.press("Escape")
    #expect(try browser.text("#found").isEmpty)
    try browser.type("1001", into: "#search")
    #expect(try browser.text("#found") == "1 found")
  }

  @Test("arguments that are markup are text, and the policy stops what is not the page's own")
  func hostile() throws {
    var stream = LifeStream()
    let words = [
      "<img src=x onerror=window.harm=1>", "</script><script>window.harm=2</script>",
      "\"><svg onload=window.harm=3>",
    ]
    for (index, word) in words.enumerated() {
      let child = stream.fork(shell, UInt32(50 + index), comm: "<u>x")
      stream.exec(child, "evil", word, comm: "<b>x</b>")
      stream.wait(5_000_000)
      stream.exit(child, code: 1, comm: "<b>x</b>")
    }
    var facts = someFacts()
    facts.name = words[1]
    facts.faults = [words[0]]
    let browser = try Browser()
    try browser.show(page(stream, facts: facts))
    for pid in 50..<53 {
      try browser.evaluate("document.getElementById('search').value = ''")
      try browser.type("\(pid)", into: "#search")
      try browser.press("Enter")
      #expect(try browser.text("#details pre").contains(words[pid - 50]))
    }
    try browser.move(browser.place("#lives", x: 0.5, pixels: 45))
    #expect(try browser.evaluate("document.querySelectorAll('img, svg, u').length") as? Int == 0)
    #expect(browser.errors.isEmpty)
    try browser.evaluate(
      "(() => { const s = document.createElement('script'); s.textContent = 'window.harm = 4';"
        + "document.body.append(s); })()")
    #expect(try browser.evaluate("String(window.harm)") as? String == "undefined")
    let fetched = try browser.evaluate(
      "fetch('data:,x').then(() => 'let through', () => 'refused')")
    #expect(fetched as? String == "refused")
    // Both were reported, so the policy it was.
    #expect(browser.errors.count >= 2)
  }

  @Test("100,000 lives: drawn, moved in and selected")
  func large() throws {
    let browser = try Browser()
    let stream = LifeStream.build(132_000, width: 40)
    try browser.show(page(stream), address: "life=90000")
    #expect(browser.errors.isEmpty)
    #expect(!(try browser.text("#details pre").isEmpty))
    try browser.scroll(to: "#lives")
    try browser.evaluate("document.getElementById('lives').focus({preventScroll: true})")
    let began = ContinuousClock.now
    for _ in 0..<10 { try browser.press("+") }
    for _ in 0..<10 { try browser.press("ArrowRight") }
    print("20 steps over 100,000 lives took \(ContinuousClock.now - began)")
    #expect(try colours(browser, "lives").count > 1)
    try browser.type("cc1", into: "#search")
    #expect(try browser.text("#found") == "33,000 found")
  }

  @Test("light and dark, wide and narrow: text can be read, and nothing sticks out")
  func schemes() throws {
    let browser = try Browser()
    try browser.show(page(.build(1000)))
    var grounds: Set<String> = []
    for scheme in ["light", "dark"] {
      try browser.call(
        "Emulation.setEmulatedMedia",
        ["features": [["name": "prefers-color-scheme", "value": scheme]]])
      try browser.settle()
      let read = try browser.evaluate(
        """
        (() => {
          const probe = document.createElement('i');
          document.body.append(probe);
          const colour = name => {
            probe.style.color = `var(--${name})`;
            return getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
          };
          const all = ['panel', 'text', 'faint', 'bad', 'good', 'accent', 'ok', 'on-bar'].map(colour);
          probe.remove();
          return all;
        })()
        """)
      let all = (read as? [Any] ?? []).map { channels in
        (channels as? [Any] ?? []).map { ($0 as? NSNumber)?.doubleValue ?? 0 }
      }
      try #require(all.count == 8)
      for index in 1...5 { #expect(contrast(all[index], all[0]) >= 4.5, "\(scheme) \(index)") }
      // Labels stand on the bars.
      #expect(contrast(all[7], all[6]) >= 4.5, "\(scheme)")
      grounds.insert("\(all[0])")
      for width in [360, 768, 1440] {
        try browser.resize(width, 900)
        try browser.settle()
        let excess = try browser.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth")
        #expect(excess as? Int == 0, "\(scheme) \(width)")
      }
    }
    #expect(grounds.count == 2)
    #expect(browser.errors.isEmpty)
  }

  /// The contrast of two colours, as WCAG 2.2 has it.
  private func contrast(_ first: [Double], _ second: [Double]) -> Double {
    func luminance(_ colour: [Double]) -> Double {
      let linear = colour.map { channel in
        let value = channel / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
    let both = [luminance(first), luminance(second)].sorted()
    return (both[1] + 0.05) / (both[0] + 0.05)
  }
}
