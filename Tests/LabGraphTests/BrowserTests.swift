import Foundation
import LabGraph
import Testing

/// A real browser lays the pictures out and is asked where everything stands.
@Suite(.serialized, .enabled(if: Browser.isThere, "no Chromium here: the pictures are not looked at")) struct `pictures in a browser` {
    /// Every text lies in the picture, a card's texts lie in its card, and no two texts touch; each fault is told in words.
    private static let script = """
        const faults = [];
        for (const svg of document.querySelectorAll('svg')) {
          const name = svg.parentElement.id, frame = svg.getBoundingClientRect();
          const inside = (inner, outer) => inner.left >= outer.left - 0.5 && inner.right <= outer.right + 0.5 && inner.top >= outer.top - 0.5 && inner.bottom <= outer.bottom + 0.5;
          const words = text => text.textContent.slice(-60);
          const texts = [...svg.querySelectorAll('text')].map(text => ({text, box: text.getBoundingClientRect()}));
          for (const {text, box} of texts) {
            if (box.width === 0) faults.push(`${name}: nothing is shown of: ${words(text)}`);
            if (!inside(box, frame)) faults.push(`${name}: outside the picture: ${words(text)}`);
            const group = text.parentElement, card = group.querySelector(':scope > rect.card');
            if (card && !inside(box, card.getBoundingClientRect()) && !words(text).startsWith('outside')) faults.push(`${name}: outside its card: ${words(text)}`);
          }
          for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
            const a = texts[i].box, b = texts[j].box;
            if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2) faults.push(`${name}: over each other: ${words(texts[i].text)} and ${words(texts[j].text)}`);
          }
          const cards = [...svg.querySelectorAll('rect.card')].map(card => card.getBoundingClientRect());
          for (let i = 0; i < cards.length; i++) for (let j = i + 1; j < cards.length; j++)
            if (cards[i].left < cards[j].right && cards[j].left < cards[i].right && cards[i].top < cards[j].bottom && cards[j].top < cards[i].bottom) faults.push(`${name}: two cards overlap`);
          if (svg.querySelectorAll('script').length > 0) faults.push(`${name}: a script`);
          for (const dot of svg.querySelectorAll('circle.dot')) {
            const box = dot.getBoundingClientRect(), middle = {x: box.left + box.width / 2, y: box.top + box.height / 2};
            const rails = [...svg.querySelectorAll('path.rail')].map(rail => rail.getBoundingClientRect());
            if (!rails.some(rail => Math.abs(rail.left + rail.width / 2 - middle.x) < 1 && rail.top - 1 <= middle.y && middle.y <= rail.bottom + 4)) faults.push(`${name}: a port beside its network`);
          }
        }
        document.getElementById('answer').textContent = '[[[' + [document.querySelectorAll('svg').length + ' pictures', ...faults].join('; ') + ']]]';
        """

    private static func page(_ body: String, script: String = "") -> String {
        "<!doctype html><meta charset=utf-8><style>body{margin:0}svg{display:block}</style>\(body)<pre id=answer></pre><script>\(script)</script>"
    }

    @Test func `hold all their words, and none is over another`() throws {
        let browser = try #require(Browser())
        let body = Samples.all.map { "<div id=\($0.name)>\($0.topology.svg)</div>" }.joined()
        #expect(try browser.answer(of: Self.page(body, script: Self.script)) == "\(Samples.all.count) pictures")
    }

    @Test func `are well-formed XML`() throws {
        let browser = try #require(Browser())
        let pictures = Samples.all.map { Data($0.topology.svg.utf8).base64EncodedString() }
        let script = """
            const answers = \(pictures).map(text => new DOMParser().parseFromString(new TextDecoder().decode(Uint8Array.from(atob(text), c => c.charCodeAt(0))), 'image/svg+xml'));
            document.getElementById('answer').textContent = '[[[' + answers.map(a => a.querySelector('parsererror') ? a.documentElement.textContent.slice(0, 300) : a.documentElement.tagName).join(' ') + ']]]';
            """
        let wanted = Samples.all.map { _ in "svg" }.joined(separator: " ")
        #expect(try browser.answer(of: Self.page("", script: script)) == wanted)
    }

    /// `VMLAB_PICTURES=FOLDER` keeps the pictures, to be looked at.
    @Test func `are light by day and dark by night`() throws {
        let browser = try #require(Browser())
        let keep = ProcessInfo.processInfo.environment["VMLAB_PICTURES"]
        for (name, topology) in Samples.all where name == "live" || keep != nil {
            let page = Self.page(topology.svg)
            let size = try #require(topology.svg.firstMatch(of: #/viewBox="0 0 ([0-9]+)[0-9.]* ([0-9]+)/#))
            let (width, height) = (try #require(Int(size.1)), try #require(Int(size.2)))
            let light = try browser.screenshot(page, isDark: false, width: width, height: height)
            let dark = try browser.screenshot(page, isDark: true, width: width, height: height)
            #expect(light.count > 1000 && dark.count > 1000 && light != dark)
            guard let keep else { continue }
            try light.write(to: URL(filePath: "\(keep)/\(name)-light.png"))
            try dark.write(to: URL(filePath: "\(keep)/\(name)-dark.png"))
        }
    }
}
