import Foundation
import LabRunner
import TestSupport
import Testing

@Suite struct `a terminal that listens` {
    private func rows(_ text: String) -> [String] {
        var terminal = Terminal()
        terminal.write(text.utf8)
        let rows = terminal.screen.text
        return Array(rows[..<((rows.lastIndex { !$0.isEmpty } ?? -1) + 1)])
    }

    @Test(arguments: [
        ("one\r\ntwo", ["one", "two"]),
        ("stairs\nand more", ["stairs", "      and more"]),
        ("over\rwritten", ["written"]),
        ("abc\u{08}\u{08}X", ["aXc"]),
        ("a\tb", ["a       b"]),
        ("\u{1B}[2;3Hx\u{1B}[Hy", ["y", "  x"]),
        ("abcdef\u{1B}[3D\u{1B}[K", ["abc"]),
        ("abcdef\u{1B}[1K", [String]()),
        ("abc\u{1B}[2Jd", ["   d"]),
        ("abcdef\u{1B}[1;3H\u{1B}[2P", ["abef"]),
        ("abcdef\u{1B}[1;3H\u{1B}[2@X", ["abX cdef"]),
        ("abcdef\u{1B}[1;3H\u{1B}[2X", ["ab  ef"]),
        ("one\r\ntwo\r\nthree\u{1B}[2;1H\u{1B}[Lnew", ["one", "new", "two", "three"]),
        ("one\r\ntwo\r\nthree\u{1B}[2;1H\u{1B}[M", ["one", "three"]),
        ("one\u{1B}M\u{1B}Mzero", ["   zero", "", "one"]),
        ("a\u{1B}[3bz", ["aaaaz"]),
        ("\u{1B}7there\u{1B}8here", ["heree"]),
        ("\u{1B}(0lqk\u{1B}(B text", ["┌─┐ text"]),
        ("\u{1B})0\u{0E}x\u{0F}x", ["│x"]),
        ("\u{1B}[31;1mred\u{1B}[0m \u{1B}]0;title\u{07}and\u{1B}Pdevice\u{1B}\\ more", ["red and more"]),
        ("grün 世 e\u{0301}", ["grün 世 e"]),
        ("\u{9B}5Gfive", ["    five"]),
        ("\u{1B}[4hbc\u{1B}[Ga", ["abc"]),
        ("\u{1B}[12;4\u{18}cancelled", ["cancelled"]),
        ("\u{1B}[2\n;3Hx", ["", "  x"]),
    ])
    func `draws what a VT220 draws`(input: String, expected: [String]) {
        #expect(rows(input) == expected)
    }

    @Test func `wraps a line only when there is more of it, and scrolls at the bottom`() {
        let line = String(repeating: "x", count: 80)
        #expect(rows(line + "\r\nnext") == [line, "next"])
        #expect(rows(line + "yes") == [line, "yes"])
        #expect(rows("\u{1B}[?7l" + line + "yes") == [String(repeating: "x", count: 79) + "s"])
        let many = (1...30).map { "line \($0)" }
        #expect(rows(many.joined(separator: "\r\n")) == Array(many.suffix(25)))
    }

    @Test func `scrolls inside a region and leaves the rest alone`() {
        let text = "title\u{1B}[25;1Hfoot\u{1B}[2;4r\u{1B}[2;1Ha\r\nb\r\nc\r\nd"
        let screen = rows(text)
        #expect(screen.first == "title" && Array(screen[1...3]) == ["b", "c", "d"] && screen.last == "foot")
        // With the origin in the region, positions count from its top and cannot leave it.
        #expect(rows("\u{1B}[2;4r\u{1B}[?6h\u{1B}[99;1Hx")[3] == "x")
    }

    @Test func `draws the same however the stream is cut`() {
        let input = Array("a\u{1B}[1;31mb\u{1B}]0;t\u{1B}\\c\u{9B}2;2Hd\u{1B}(0q\u{1B}(Be 世 grün\u{1B}[Hx".utf8)
        var whole = Terminal()
        whole.write(input)
        for cut in 0...input.count {
            var terminal = Terminal()
            terminal.write(input[..<cut])
            terminal.write(input[cut...])
            #expect(terminal.screen.text == whole.screen.text)
        }
    }

    @Test func `keeps to its size and its senses whatever it is told`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("terminal seed \(seed)")
        var generator = SplitMix(seed: seed)
        let finals = Array("@ABCDEFGHIJKLMPSTXZ`abdefghlrsu78cDM#8()0[]?;!p".utf8)
        for _ in 0..<200 {
            var terminal = Terminal()
            var bytes: [UInt8] = []
            for _ in 0..<300 {
                switch generator.next() % 4 {
                case 0: bytes.append(UInt8(truncatingIfNeeded: generator.next()))
                case 1:
                    bytes += Array(
                        "\u{1B}[\(generator.next() % 7 == 0 ? generator.next() : generator.next() % 90);\(generator.next() % 99)".utf8)
                case 2: bytes.append(finals[Int(generator.next() % UInt64(finals.count))])
                default: bytes += Array("\u{1B}[?\(generator.next() % 8)h".utf8)
                }
            }
            terminal.write(bytes)
            let text = terminal.screen.text
            #expect(text.count == Screen.rows && text.allSatisfy { $0.unicodeScalars.count <= Screen.columns })
            #expect(!text.contains { $0.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) } })
            #expect((0..<Screen.rows).contains(terminal.screen.row) && (0..<Screen.columns).contains(terminal.screen.column))
        }
    }

    @Test func `cannot be silenced by a sequence without end`() {
        var terminal = Terminal()
        terminal.write(Array("\u{1B}]0;".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 5000) + Array("\r\n\nseen".utf8))
        #expect(terminal.screen.text.contains { $0.hasSuffix("seen") })
    }

    /// tmux is a terminal that people trust: random drawings must come out the same.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/tmux"), "no tmux here"))
    func `draws what tmux draws`() throws {
        let scratch = try Scratch()
        let seed = UInt64.random(in: 0...UInt64.max)
        print("drawing seed \(seed)")
        var generator = SplitMix(seed: seed)
        func number(_ limit: UInt64) -> UInt64 { generator.next() % limit }
        var names: [String] = []
        var drawn: [String: [String]] = [:]
        for index in 0..<12 {
            var text = "\u{1B}[2J\u{1B}[H"
            for _ in 0..<150 {
                switch number(16) {
                case 0: text += "\u{1B}[\(1 + number(27));\(1 + number(79))H"
                case 1: text += "\u{1B}[\(number(9))\(["A", "B", "C", "D"][Int(number(4))])"
                case 2: text += "\u{1B}[\(number(3))K"
                case 3: text += number(6) == 0 ? "\u{1B}[\(number(2))J" : "\r"
                case 4: text += "\u{1B}[\(1 + number(3))\(["P", "@", "X"][Int(number(3))])"
                case 5: text += ["\r\n", "\n", "\u{1B}M", "\u{1B}D", "\u{1B}E", "\u{08}"][Int(number(6))]
                case 6: text += "\u{1B}[\(1 + number(12));\(13 + number(13))r"
                case 7: text += "\u{1B}[\(1 + number(79))G"
                case 8: text += "\u{1B}[\(30 + number(8))m"
                case 9: text += "\u{1B}[\(1 + number(3))\(["S", "T"][Int(number(2))])"
                // tmux lets lines outside the region move; a VT220 does not.
                case 10: text += "\u{1B}[r\u{1B}[\(1 + number(25));1H\u{1B}[\(1 + number(3))\(["L", "M"][Int(number(2))])"
                // Off the right edge, where a pending wrap is the terminal's own affair.
                default:
                    text += "\u{1B}[\(1 + number(48))G"
                    text += String((0..<1 + number(30)).map { _ in Character(Unicode.Scalar(UInt8(0x41 + number(58)))) })
                }
            }
            var terminal = Terminal()
            terminal.write(text.utf8)
            let name = "drawing\(index)"
            names.append(name)
            drawn[name] = terminal.screen.text
            try Data(text.utf8).write(to: URL(filePath: scratch.path + "/" + name))
        }
        // One server of its own for all drawings; `-f /dev/null` keeps a person's settings out.
        let script = """
            cd '\(scratch.path)' && export TERM=screen LC_ALL=C.UTF-8
            for name in \(names.joined(separator: " ")); do
              tmux -S ./socket -f /dev/null new-session -d -s $name -x 80 -y 25 "stty raw -echo; cat $name; touch $name.done; while [ -e socket ]; do sleep 0.2; done" \\; set -g status off
              tmux -S ./socket resize-window -t $name -x 80 -y 25
            done
            for name in \(names.joined(separator: " ")); do
              for i in $(seq 600); do [ -e $name.done ] && break; sleep 0.1; done
              sleep 0.3
              tmux -S ./socket capture-pane -p -t $name > $name.out
            done
            tmux -S ./socket kill-server
            """
        _ = try RunningCommand(
            program: "/bin/bash", arguments: ["bash", "-c", script], environment: ["PATH=/usr/bin:/bin"], home: scratch.path
        )
        .wait(limitSeconds: 300)
        for name in names {
            let text = try String(contentsOfFile: scratch.path + "/\(name).out", encoding: .utf8)
            let rows = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
            let padded = Array((rows + Array(repeating: "", count: 25)).prefix(25))
            #expect(drawn[name] == padded, "seed \(seed), \(name)")
        }
    }
}

@Suite struct `a console watch` {
    /// Whether any of the pieces, one after the other, makes the watch say yes: by its number.
    private func first(_ text: String, in pieces: [String]) -> Int? {
        var watch = ConsoleWatch(text)
        for (index, piece) in pieces.enumerated() where watch.found(in: Array(piece.utf8)) { return index }
        return nil
    }

    @Test func `finds a line of the stream and a text on the screen`() {
        #expect(first("login:", in: ["Debian \u{1B}[1mlog", "in\u{1B}[0m: "]) == 1)
        // A full-screen program may write what stands right before what stands left of it.
        #expect(first("Pass 1 done", in: ["\u{1B}[3;8H1 done", "\u{1B}[3;1HPass", "\u{1B}[3;3HPass"]) == 2)
        // A long text that a terminal would break is still one line of the stream.
        let long = String(repeating: "ab", count: 60)
        #expect(first(long, in: [long]) == 0)
    }

    @Test func `does not find what is neither said nor shown`() {
        #expect(first("absent", in: Array(repeating: "present \u{1B}[5;5Habs\r\n\u{1B}[6;5Hent\r\n", count: 50)) == nil)
        // What was there before it was wiped out is not there.
        #expect(first("gone", in: ["go\u{1B}[2J\r\n\u{1B}[1;3Hne"]) == nil)
    }
}
