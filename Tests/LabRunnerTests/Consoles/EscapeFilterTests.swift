import LabRunner
import Testing

@Suite struct `terminal control` {
    private func text(_ bytes: String) -> String {
        var filter = EscapeFilter()
        return String(decoding: filter.text(of: bytes.utf8), as: UTF8.self)
    }

    @Test(arguments: [
        ("plain text\n", "plain text\n"),
        ("\u{1B}[31mred\u{1B}[0m", "red"),
        ("\u{1B}]0;the title\u{07}after", "after"),
        ("\u{1B}]52;c;Y2xpcGJvYXJk\u{1B}\\after", "after"),
        ("\u{1B}Pdevice string\u{1B}\\after", "after"),
        ("\u{1B}(Bafter", "after"),
        ("\u{1B}7\u{1B}8\u{1B}cafter", "after"),
        ("over\rwritten", "overwritten"),
        ("be\u{07}ll, back\u{08}space, \u{7F}delete", "bell, backspace, delete"),
        ("tab\tstays", "tab\tstays"),
        ("\u{9B}31mC1 red", "C1 red"),
        ("\u{9D}0;title\u{07}after", "after"),
        ("grüße, 世界 and \u{A0}", "grüße, 世界 and \u{A0}"),
        ("\u{1B}[1\u{1B}[2mafter", "after"),
        ("\u{1B}[31\nmline", "\nline"),
        ("cancelled\u{1B}[31\u{18}text", "cancelledtext"),
    ])
    func `is taken out, and text stays`(input: String, expected: String) {
        #expect(text(input) == expected)
    }

    @Test func `is taken out however the stream is cut`() {
        let input = Array("a\u{1B}[1;31mb\u{1B}]0;t\u{1B}\\c\u{9B}0md\u{1B}(Be grün\n".utf8)
        for first in 0...input.count {
            for second in first...input.count {
                var filter = EscapeFilter()
                var out = filter.text(of: input[..<first])
                out += filter.text(of: input[first..<second])
                out += filter.text(of: input[second...])
                #expect(String(decoding: out, as: UTF8.self) == "abcde grün\n")
            }
        }
    }

    @Test func `cannot swallow the rest of a log by a sequence without end`() {
        var filter = EscapeFilter()
        _ = filter.text(of: Array("\u{1B}]".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: EscapeFilter.longestSequence))
        let rest = String(decoding: filter.text(of: "seen".utf8), as: UTF8.self)
        #expect(rest.hasSuffix("seen"))
    }

    @Test func `of no kind passes, whatever the bytes`() {
        var generator = SplitMix(seed: 7)
        var filter = EscapeFilter()
        for _ in 0..<2000 {
            let bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let out = filter.text(of: bytes)
            #expect(!out.contains { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 } && !out.contains(0x7F) && !out.contains(0x1B))
        }
    }
}

/// Steele, Lea and Flood's generator: the same numbers for the same seed, for ever.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct `waiting for a text` {
    @Test(arguments: ["login:", "aab", "aaab", "abab", "a", "grün>"])
    func `finds what a plain search finds, however the stream is cut`(pattern: String) {
        let inputs = ["aaaab", "ababab", "debian login: ", "aabaab", "logilogin:", "logi login", "mit grün> da", ""]
        for input in inputs {
            let bytes = Array(input.utf8)
            let expected = input.contains(pattern)
            for cut in 0...bytes.count {
                var watch = PatternWatch(pattern)
                let early = watch.found(in: bytes[..<cut])
                let found = early || watch.found(in: bytes[cut...])
                #expect(found == expected, "\(pattern) in \(input) cut at \(cut)")
            }
        }
    }

    @Test func `looks at the text and not at its colours`() {
        var watch = PatternWatch("login:")
        let found = watch.found(in: "debian \u{1B}[1mlog\u{1B}[0min\u{1B}]0;x\u{07}:".utf8)
        #expect(found)
    }

    @Test func `is not fooled by a text inside a title`() {
        var watch = PatternWatch("login:")
        let found = watch.found(in: "\u{1B}]0;login:\u{07}".utf8)
        #expect(!found)
    }
}
