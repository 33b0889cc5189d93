import Foundation
import TestSupport
import Testing

/// Types lines into a machine's root shell and reads what they say.
struct Typist {
    let user: CommandLineUser
    let folder: String
    let machine: String

    init(_ user: CommandLineUser, _ folder: String, _ machine: String) {
        self.user = user
        self.folder = folder
        self.machine = machine
    }

    func awaitPrompt() throws {
        for _ in 0..<24 {
            let outcome = try user.vmlab(
                "console", machine, "-f", folder, "--until", "root@\(machine)", "--timeout", "10s", input: "\n", limitSeconds: 60)
            if outcome.status == 0 { return }
        }
        Issue.record("\(machine) shows no prompt")
    }

    /// What was said, without carriage returns.
    func type(_ line: String) throws -> String {
        let mark = "said \(UInt32.random(in: 0 ... .max))"
        let outcome = try user.vmlab(
            "console", machine, "-f", folder, "--until", mark, "--timeout", "180s",
            // The shell's echo of the line has quotes where the answer has none.
            input: "\n\(line); echo \(mark.replacing(" ", with: "\" \""))\n", limitSeconds: 200)
        #expect(outcome.status == 0, "\(outcome.all)")
        // A carriage return and the line feed behind it are one character.
        return String(String.UnicodeScalarView(outcome.out.unicodeScalars.filter { $0 != "\r" }))
    }

    /// What `ping` counted; times in milliseconds.
    struct Pings {
        var received = 0
        var least = 0.0
        var mean = 0.0
    }

    func ping(_ words: String) throws -> Pings {
        let said = try type("ping -4 -q \(words)")
        var pings = Pings()
        let received = try #require(said.firstMatch(of: #/(\d+) received/#), "\(said)")
        pings.received = Int(received.1) ?? 0
        if let times = said.firstMatch(of: #/= ([\d.]+)\/([\d.]+)\//#) {
            pings.least = Double(times.1) ?? 0
            pings.mean = Double(times.2) ?? 0
        }
        return pings
    }
}
