import LabFile
import LabModel
import Testing

@Suite struct `a file that is not a lab file` {
    /// `line:column` of the first thing that is wrong, and how it begins.
    func first(_ bytes: [UInt8]) -> String {
        Reading.diagnostics(Reading.lab(bytes)).first.map { "\($0.line):\($0.column) \($0.message)" } ?? "nothing"
    }

    func first(_ text: String) -> String { first(Array(text.utf8)) }

    let good = "name: a\nmachines:\n  db: {image: pulse}\n"

    @Test func `is empty`() {
        #expect(first("") == "1:1 the file is empty")
        #expect(first("\n\n   \n") == "1:1 the file is empty")
        #expect(first("\u{FEFF}") == "1:1 the file is empty")
        #expect(first("---\n") == "2:1 the lab file wants a mapping of keys to values, not nothing")
    }

    @Test func `is in another encoding`() {
        let utf16 = good.utf16.flatMap { unit -> [UInt8] in [UInt8(truncatingIfNeeded: unit), UInt8(truncatingIfNeeded: unit >> 8)] }
        #expect(first([0xFF, 0xFE] + utf16) == "1:1 the file is UTF-16; save it as UTF-8")
        #expect(first(utf16) == "1:1 the file is UTF-16; save it as UTF-8")
        let utf16BigEndian = good.utf16.flatMap { unit -> [UInt8] in
            [UInt8(truncatingIfNeeded: unit >> 8), UInt8(truncatingIfNeeded: unit)]
        }
        #expect(first([0xFE, 0xFF] + utf16BigEndian) == "1:1 the file is UTF-16; save it as UTF-8")
        #expect(first(utf16BigEndian) == "1:1 the file is UTF-16; save it as UTF-8")
        let utf32 = good.unicodeScalars.flatMap { scalar -> [UInt8] in [UInt8(truncatingIfNeeded: scalar.value), 0, 0, 0] }
        #expect(first([0xFF, 0xFE, 0, 0] + utf32) == "1:1 the file is UTF-32; save it as UTF-8")
    }

    @Test func `has a byte that is not UTF-8, and its place is told`() {
        let cases: [(bytes: [UInt8], name: String)] = [
            ([0xE4, 0x20], "0xE4"), ([0xC0, 0x80], "0xC0"), ([0xED, 0xA0, 0x80], "0xED"), ([0xF5, 0x80, 0x80, 0x80], "0xF5"),
            ([0x80], "0x80"), ([0xE2, 0x82], "0xE2"), ([0xF0, 0x80, 0x80, 0x80], "0xF0"), ([0xFF], "0xFF"),
        ]
        for (bytes, name) in cases {
            let text = Array("name: a\n# grün ".utf8) + bytes + Array("\nmachines: {}\n".utf8)
            #expect(first(text) == "2:8 byte \(name) is not UTF-8 text")
            #expect(first(Array("name: ".utf8) + bytes) == "1:7 byte \(name) is not UTF-8 text")
        }
    }

    @Test func `has a control character, and its place is told`() {
        #expect(first("name: a\n# x\u{0}y\n") == "2:4 a NUL byte; is this a text file?")
        #expect(first("name: a\n\n# \u{1B}[31mred\n") == "3:3 control character U+001B; in double quotes it can be written as an escape")
        #expect(first("name: a\u{7F}\n") == "1:8 control character U+007F; in double quotes it can be written as an escape")
        #expect(first("name: a\u{85}\n") == "1:8 control character U+0085; in double quotes it can be written as an escape")
        #expect(first("name: é\u{2028}b\n") == "1:8 invisible line end U+2028; in double quotes it can be written as an escape")
        #expect(first("name: a\rmachines: {}\r") == "1:8 a carriage return without a line feed")
        #expect(first("name: a\n\u{FEFF}b: c\n") == "2:1 a byte order mark (U+FEFF) in the middle of the text")
        #expect(first("name: \u{FFFF}\n") == "1:7 U+FFFF is not a character")
    }

    @Test func `is a program`() {
        #expect(first([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]) == "1:1 the file is an ELF program, not a text; save it as UTF-8")
    }

    @Test func `is larger than any lab`() {
        let megabyte = Array("name: a\n#".utf8) + [UInt8](repeating: 0x78, count: 1 << 20)
        #expect(first(megabyte) == "1:1 the file is larger than 1MiB, the most that is read")
        #expect(first([UInt8](repeating: 0x5B, count: 20 << 20)) == "1:1 the file is larger than 1MiB, the most that is read")
        let exact = Array(good.utf8) + Array("#".utf8) + [UInt8](repeating: 0x78, count: (1 << 20) - good.utf8.count - 1)
        #expect(exact.count == 1 << 20)
        #expect(first(exact) == "nothing")
    }

    @Test func `has a text longer than any lab needs`() {
        let fits = String(repeating: "x", count: 65536)
        #expect(first("\(good)x: \(fits)\n").hasPrefix("4:1 unknown key `x`"))
        #expect(first("name: a\nx: \(fits)y\n") == "2:4 this text has 65537 bytes; the most is 65536")
    }

    @Test func `is nested deeper than any lab`() {
        #expect(first(String(repeating: "[", count: 20000)) == "1:65 nested deeper than 64 levels")
        #expect(first(String(repeating: "{a: ", count: 20000)) == "1:257 nested deeper than 64 levels")
        let blocks = (0..<5000).map { String(repeating: " ", count: $0 % 200) + "a:\n" }.joined()
        #expect(first(blocks) == "65:65 nested deeper than 64 levels")
        let fits = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(first(fits) == "1:1 the lab file wants a mapping of keys to values, not a list")
    }

    @Test func `nests aliases deeper than any lab`() {
        var text = "a0: &a0 [x]\n"
        for level in 1..<100 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(first(text) == "64:12 alias `a62` is nested deeper than 64 levels")
    }

    @Test func `is an alias bomb`() {
        var text = "a: &a0 [\(Array(repeating: "lol", count: 9).joined(separator: ", "))]\n"
        for level in 1..<20 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "b\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(first(text) == "5:45 more than 65536 values, aliases expanded")
        let long = "a: &a \(String(repeating: "x", count: 60000))\nb: [\(Array(repeating: "*a", count: 80).joined(separator: ", "))]\n"
        #expect(first(long) == "2:277 more than 4194304 bytes of text, aliases expanded")
    }

    @Test func `is an alias of itself`() {
        #expect(first("&a [*a]\n") == "1:5 alias `a` stands inside of what it stands for")
        #expect(first("a: &a {b: *a}\n") == "1:11 alias `a` stands inside of what it stands for")
        #expect(first("a: &a {<<: *a}\n") == "1:12 alias `a` stands inside of what it stands for")
    }

    @Test func `names values by the million`() {
        #expect(first("[" + String(repeating: "0,", count: 400_000)) == "1:131072 more than 65536 values, aliases expanded")
    }

    @Test func `is a tangle of machines that all wait for each other`() {
        let names = (0..<200).map { "m\($0)" }
        let text =
            "name: a\ndefaults: {image: pulse}\nmachines:\n"
            + names.map { "  \($0): {after: [\(names.joined(separator: ", "))]}\n" }.joined()
        let found = Reading.mistakes(text)
        #expect(found.first == "4:16 these machines wait for each other in a circle: m0 -> m0")
        #expect(found.count == 20)
        let ring = "name: a\ndefaults: {image: pulse}\nmachines:\n" + (0..<200).map { "  m\($0): {after: [m\(($0 + 1) % 200)]}\n" }.joined()
        #expect(
            Reading.mistakes(ring) == [
                "4:16 these machines wait for each other in a circle: m0 -> m1 -> m2 -> m3 -> m4 -> m5 -> (192 more) -> m198 -> m199 -> m0"
            ])
        let eight = "name: a\ndefaults: {image: pulse}\nmachines:\n  a: {after: [b]}\n  b: {after: [a, c]}\n  c: {after: [b]}\n"
        #expect(Reading.mistakes(eight) == ["4:15 these machines wait for each other in a circle: a -> b -> a"])
        let itself = "name: a\ndefaults: {image: pulse}\nmachines:\n  m: {count: 9, after: [m]}\n"
        #expect(Reading.mistakes(itself) == ["4:25 these machines wait for each other in a circle: m-1 -> m-1"])
    }

    @Test(.timeLimit(.minutes(5))) func `asks for thousands of near names`() {
        let names = (0..<250).map { "\(String(repeating: "a", count: 55))\(10000 + $0)" }
        let wrong = names.map { $0.dropLast(2) + "xy" }.joined(separator: ",")
        let machines = names.enumerated().map { "  \($0.element): {\($0.offset < 60 ? "after: [\(wrong)]" : "")}\n" }
        let text = "name: a\ndefaults: {image: pulse}\nmachines:\n" + machines.joined()
        #expect(text.utf8.count > 900_000 && text.utf8.count < 1 << 20)
        guard case .failure(let diagnostics) = Reading.lab(text) else { return }
        #expect(diagnostics.list.first?.message.contains("did you mean") == true)
        #expect(diagnostics.omitted > 900)
    }

    @Test func `reports twenty mistakes and counts the others`() {
        let lines = (0..<50).map { "    wrong\($0): 1" }.joined(separator: "\n")
        guard case .failure(let diagnostics) = Reading.lab("name: a\nmachines:\n  db:\n    image: pulse\n\(lines)\n") else {
            Issue.record("50 unknown keys were taken")
            return
        }
        #expect(diagnostics.list.count == 20)
        #expect(diagnostics.list.map(\.line) == Array(5...24))
        #expect(diagnostics.omitted == 30)
        #expect(diagnostics.text.hasSuffix("\nand 30 more\n"))
    }

    @Test func `says a mistake once however often an alias repeats it`() {
        let text = "name: a\nmachines:\n  a: &a {image: pulse, cpus: 99}\n  b: *a\n  c: *a\n"
        #expect(Reading.mistakes(text) == ["3:30 `cpus` wants a whole number from 1 to 8, not `99`"])
    }
}
