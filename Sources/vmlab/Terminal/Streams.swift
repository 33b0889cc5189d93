import Foundation
import Glibc
import Host

/// Where a command's words go: one value, handed in, so that a command needs no terminal to be tried.
///
/// Results go to `out`, talk to `err`. Only this file writes to either.
struct Streams {
    var out: CInt = 1
    var err: CInt = 2
    var input: CInt = 0
    let outIsTerminal: Bool
    let errIsTerminal: Bool
    let inputIsTerminal: Bool
    let environment: [String: String]
    /// Colour only helps; it never carries meaning alone.
    let usesColour: Bool
    /// A region that is drawn again in place; else one line for each change.
    let drawsLive: Bool

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        var environment = environment
        // A folder that was named and is not taken would be a surprise: the labs of another place would be meant.
        if let home = environment["VMLAB_HOME"], !home.isEmpty, !home.hasPrefix("/") {
            environment["VMLAB_HOME"] = LabChoice.absolute(home)
        }
        self.environment = environment
        outIsTerminal = isatty(1) == 1
        errIsTerminal = isatty(2) == 1
        inputIsTerminal = isatty(0) == 1
        let isDumb = environment["TERM"] == nil || environment["TERM"] == "dumb"
        let noColour = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        usesColour = errIsTerminal && !isDumb && !noColour
        drawsLive = errIsTerminal && !isDumb && environment["CI"] == nil
    }

    /// Data.
    func print(_ text: String) { write(Array((text + "\n").utf8), to: out) }
    func writeOut(_ bytes: [UInt8]) { write(bytes, to: out) }
    /// Talk.
    func say(_ text: String) { write(Array((text + "\n").utf8), to: err) }
    func writeErr(_ text: String) { write(Array(text.utf8), to: err) }

    private func write(_ bytes: [UInt8], to number: CInt) {
        do throws(OSError) {
            try Borrowed(number).writeAll(bytes)
        } catch {
            // `vmlab ps | head -1`: the reader has what it wants.
            if error.code == .brokenPipe { exit(0) }
            // Nobody can be told that nobody can be told.
            exit(74)
        }
    }

    /// Waits until there is something to read; false when nobody reads standard output any more: `vmlab logs --follow | head`.
    func waitForInput(_ number: CInt) -> Bool {
        var entries = [pollfd(fd: number, events: Int16(POLLIN), revents: 0), pollfd(fd: out, events: 0, revents: 0)]
        // Safe because both entries outlive the call. An interrupted wait begins again.
        while unsafe poll(&entries, 2, -1) < 0 { if errno != EINTR { return true } }
        return entries[1].revents & Int16(POLLERR) == 0
    }

    func bold(_ text: String) -> String { usesColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func red(_ text: String) -> String { usesColour ? "\u{1B}[31m\(text)\u{1B}[0m" : text }

    /// Columns of the terminal that `err` is; 80 where it does not say.
    var columns: Int {
        var size = winsize()
        // Safe because the structure outlives the call.
        guard unsafe ioctl(err, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
