import Foundation

/// The README's table of guests that were seen to run: made of what a lab's events, status and file say, and of nothing else.
struct SupportTable {
    struct Row: Equatable {
        var machine: String
        var image: String
        /// The boot protocol, or firmware.
        var entered: String
        /// What the guest's drivers took, and where its words came from.
        var devices: String
        var judged: String
        var tried: String
        var ready: String

        /// All that is the same each time.
        var lasting: [String] { [machine, image, entered, devices, judged] }
    }

    var rows: [Row] = []

    static let begin = "<!-- guests: written by VMLAB_REWRITE_GOLDENS=1 make menagerie -->"
    static let end = "<!-- guests: end -->"

    /// - Parameters:
    ///   - lab: the text of its file, one machine a line.
    ///   - status: what `vmlab ps --json` says.
    ///   - events: the lines of `vmlab events`.
    init(lab: String, status: Data, events: [Data]) {
        struct Event: Decodable {
            var event: String
            var machine: String?
            var detail: String?
        }
        struct Status: Decodable {
            struct Machine: Decodable {
                var name: String
                var image: String
                var consoles: [String]
            }
            var machines: [Machine]
        }
        let decoder = JSONDecoder()
        let events = events.compactMap { try? decoder.decode(Event.self, from: $0) }
        let carried = events.last { $0.event == "accelerator" }?.detail?.contains("carrier") ?? false
        for machine in (try? decoder.decode(Status.self, from: status))?.machines ?? [] {
            func details(_ kind: String) -> [String] {
                events.filter { $0.event == kind && $0.machine == machine.name }.compactMap(\.detail)
            }
            // A machine that was started again was seen again: each device once, by its kind.
            let driven = Set(details("device-driven").compactMap { $0.split(separator: " ").first.map(String.init) })
            let consoles = machine.consoles.compactMap { ["serial": "COM1", "com2": "COM2"][$0] }
            let line = lab.split(separator: "\n").first { $0.hasPrefix("  \(machine.name): ") } ?? ""
            let words = line.firstMatch(of: #/console: "([^"]*)"/#).map { String($0.1) }
            rows.append(
                Row(
                    machine: machine.name, image: "`\(machine.image)`",
                    entered: details("machine-started").last?.split(separator: " ").last.map(String.init) ?? "?",
                    devices: (driven.sorted() + consoles.sorted()).joined(separator: ", "),
                    judged: words.map { "\"\($0)\"" } ?? (line.contains("ready: started") ? "running" : "ping"),
                    tried: carried ? "carrier" : "/dev/kvm", ready: details("machine-ready").last ?? ""))
        }
    }

    var text: String {
        let head =
            "| guest | image | entered by | devices with a driver at work, and ports heard | judged by | tried in | ready |\n|---|---|---|---|---|---|---|\n"
        return rows.reduce(head) { $0 + "| " + ($1.lasting + [$1.tried, $1.ready]).joined(separator: " | ") + " |\n" }
    }

    /// The document with this table between the marks; nil if it has no marks.
    func replacing(in document: String) -> String? {
        guard let begin = document.range(of: Self.begin + "\n"), let end = document.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { return nil }
        return document.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: text)
    }

    /// The lasting part of each row between the marks; nil if there are no marks.
    static func rows(in document: String) -> [[String]]? {
        guard let begin = document.range(of: Self.begin + "\n"), let end = document.range(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { return nil }
        return document[begin.upperBound..<end.lowerBound].split(separator: "\n").dropFirst(2).map { line in
            line.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false).prefix(5).map(String.init)
        }
    }
}
