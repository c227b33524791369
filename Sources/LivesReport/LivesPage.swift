public import EventFormats
import KernelEvents
import Markup
public import ProcessLives
import SequencerABI

/// A recording as one page of HTML that needs nothing else: no network, no other file.
///
/// Its policy (CSP) lets in only its own script and style, by their digests; every text from the recording
/// is escaped. The same stream gives the same page.
public struct LivesPage {
  private let lives: ProcessLives
  private let facts: RecordingFacts
  private var data: PageData

  /// Prepares the page.
  ///
  /// - Parameters:
  ///   - lives: a stream that has ended, finished.
  ///   - facts: what else is known of it.
  public init(_ lives: ProcessLives, facts: RecordingFacts) {
    self.lives = lives
    self.facts = facts
    data = PageData(lives, facts: facts)
  }

  private static let style = PackageResources.page_css
  private static let script =
    Array("(()=>{'use strict';\n".utf8) + PackageResources.lives_js + PackageResources.charts_js
    + PackageResources.page_js + Array("})();\n".utf8)

  /// Appends the page.
  public mutating func append(to buffer: inout OutputBuffer) {
    let title = Markup.escape(facts.name.isEmpty ? "recording" : facts.name)
    buffer.append(
      text: """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src \
        'sha256-\(digest(LivesPage.script))'; style-src 'sha256-\(digest(LivesPage.style))'; \
        base-uri 'none'; form-action 'none'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <title>\(title) – Ordinal</title>
        <style>
        """)
    buffer.append(LivesPage.style)
    buffer.append(text: "</style></head>\n<body>\n")
    let tables = PageTables(lives, facts: facts, data: data)
    buffer.append(text: tables.header(title: title))
    buffer.append(text: "<main>\n" + tables.cards() + LivesPage.timeline)
    buffer.append(text: tables.tables() + "</main>\n")
    buffer.append(
      text: "<footer><p>Made by ordinal report. This page is one file and loads nothing.</p>"
        + "</footer>\n<div id=\"tip\" hidden></div>\n<script type=\"application/json\" id=\"data\">"
    )
    data.append(to: &buffer)
    buffer.append(text: "</script>\n<script>")
    buffer.append(LivesPage.script)
    buffer.append(text: "</script>\n</body></html>\n")
  }

  private func digest(_ bytes: [UInt8]) -> String {
    var text = OutputBuffer(capacity: 64)
    text.append(base64String: SHA256.digest(bytes).span.raw)
    return String(decoding: text.array.dropFirst().dropLast(), as: UTF8.self)
  }

  private static let timeline = """
    <section id="timeline" aria-labelledby="timeline-title">
    <h2 id="timeline-title">Timeline</h2>
    <p class="noscript">The timeline needs JavaScript; the tables below do not.</p>
    <div class="script">
    <div class="tools">
    <span class="group"><input type="search" id="search" placeholder="Search names, arguments, pids ( / )" \
    aria-label="Search processes"><button type="button" id="previous" aria-label="Previous match">‹</button>\
    <button type="button" id="next" aria-label="Next match">›</button>\
    <span id="found" class="faint" role="status"></span></span>
    <label class="group">Colour <select id="colour"><option value="outcome">by outcome</option>\
    <option value="program">by program</option></select></label>
    <span class="group"><button type="button" id="zoom-in" aria-label="Zoom in">+</button>\
    <button type="button" id="zoom-out" aria-label="Zoom out">−</button>\
    <button type="button" id="zoom-whole">Whole</button></span>
    <span class="group"><button type="button" id="shorter" aria-label="Lower lanes">▁</button>\
    <button type="button" id="taller" aria-label="Higher lanes">▆</button></span>
    <span id="range" class="faint"></span>
    </div>
    <div class="time"><div>
    <p class="label"><b>Living processes</b> <span>at most <span id="most"></span>; drag to choose a \
    stretch</span></p>
    <canvas id="overview" aria-label="Living processes over the whole recording; drag to choose a stretch">\
    </canvas>
    <div class="rate"><div class="label"><b>Events a second</b><ul id="families"></ul>\
    <span><i class="key-failed"></i>events were lost</span></div>
    <canvas id="rate" tabindex="0" aria-label="Events a second by family, and where events were lost">\
    </canvas></div>
    <p class="label"><b>Lives</b> <span><i class="key-ok"></i>code 0</span> \
    <span><i class="key-failed"></i>other code</span> <span><i class="key-signal"></i>signal</span> \
    <span><i class="key-running"></i>no end</span> <span>pale: before its exec</span></p>
    <canvas id="lives" tabindex="0" role="application" aria-describedby="keys" \
    aria-label="Lives of processes over time; the selected one is told beside it"></canvas>
    <details class="help"><summary>Keys, wheel and pointer</summary><ul class="keys" id="keys">
    <li>click a life: select it and its tree</li><li>double click, <kbd>Enter</kbd>: zoom to its tree</li>
    <li>drag: move; wheel after a click or with Ctrl: zoom; Shift and wheel: up, down</li>
    <li><kbd>+</kbd> <kbd>−</kbd>: zoom, <kbd>Home</kbd>: whole</li>
    <li><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>: move</li>
    <li><kbd>.</kbd> <kbd>,</kbd>: next, previous life</li><li><kbd>p</kbd>: parent, <kbd>c</kbd>: first child</li>
    <li><kbd>/</kbd>: search, <kbd>n</kbd> <kbd>N</kbd>: next, previous match</li>
    <li><kbd>[</kbd> <kbd>]</kbd>: height of lanes, <kbd>Esc</kbd>: clear</li></ul></details>
    </div>
    <aside id="details" aria-live="polite" aria-label="The selected process" \
    data-empty="Select a life to see its arguments, its parent, its children and how it ended."></aside>
    </div></div></section>

    """
}
