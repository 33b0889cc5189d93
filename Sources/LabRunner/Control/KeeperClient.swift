internal import Glibc
package import Host
package import LabModel
internal import SystemPackage

/// The other end of the control socket: what the commands talk to a keeper with.
package final class KeeperClient {
    private let socket: Descriptor
    private var lines = LineBuffer(longestLine: KeeperClient.longestReply)

    /// A status of some thousand machines.
    private static let longestReply = 16 << 20

    package var number: CInt { socket.number }

    package init(socket: consuming Descriptor) { self.socket = socket }

    /// Connects to the lab's keeper; `nil` when the lab has none.
    package static func connect(_ folders: LabFolders) throws(RunnerError) -> KeeperClient? {
        do throws(OSError) {
            guard let status = try? FileStatus(of: folders.controlSocket) else { return nil }
            guard status.kind == .socket, status.owner == geteuid() || geteuid() == 0 else {
                throw OSError(.permissionDenied, "use \(folders.controlSocket): it is not a socket of this user")
            }
            let socket = try UnixSocket.connect(folders.controlSocket)
            return KeeperClient(socket: socket)
        } catch {
            // A socket that nobody listens at is a dead keeper's; one that just went is a keeper's that left.
            if error.code == .connectionRefused || error.code == .noSuchFileOrDirectory { return nil }
            throw .system(error)
        }
    }

    package func send(_ request: Request) throws(RunnerError) {
        guard let line = try? JSONLine.line(request) else { throw .machine("the request is no JSON", code: .bug, hint: nil) }
        do throws(OSError) {
            try socket.writeAll(line)
        } catch {
            // A keeper that could not begin left its reason before it went: `receive` finds that, or the end.
            guard error.code == .brokenPipe else { throw .keeperGone("the keeper is gone: \(error)") }
        }
    }

    /// Reads what is there and returns the whole replies in it; `nil` at the end of the connection. Waits for some.
    package func receive() throws(RunnerError) -> [Reply]? {
        let bytes: [UInt8]
        do throws(OSError) { bytes = try socket.read(upTo: 256 * 1024) } catch { throw .keeperGone("the keeper is gone: \(error)") }
        guard !bytes.isEmpty else { return nil }
        lines.append(bytes)
        var replies: [Reply] = []
        while let reply = try nextLine() {
            replies.append(reply)
            // What follows is a console's own bytes.
            if case .console = reply { break }
        }
        return replies
    }

    private func nextLine() throws(RunnerError) -> Reply? {
        let line: [UInt8]?
        do throws(LineBuffer.TooLong) { line = try lines.next() } catch { throw .keeperSilent("the keeper's reply has no end") }
        guard let line else { return nil }
        guard let reply = try? JSONLine.decode(Reply.self, from: line) else {
            throw .keeperSilent("the keeper says what this vmlab does not understand: \(String(decoding: line.prefix(200), as: UTF8.self))")
        }
        return reply
    }

    /// Bytes of a console that came with its header.
    package func takeRest() -> [UInt8] { lines.takeRest() }

    /// Turns the connection into a console's: afterwards it carries raw bytes, beginning with `takeRest`.
    package func attach(_ wanted: ConsoleRequest) throws(RunnerError) {
        let refusal: Outcome? = try ask(.console(wanted)) { reply in
            switch reply {
            case .console: .some(nil)
            case .result(let outcome): .some(outcome)
            case .status, .event, .display: nil
            }
        }
        if let refusal { throw .refused(refusal) }
    }

    /// Bytes for the console.
    package func write(_ bytes: [UInt8]) throws(OSError) { try socket.writeAll(bytes) }

    /// Sends a request and returns its first reply that `pick` wants.
    ///
    /// - Parameter limitMilliseconds: how long the keeper may say nothing.
    package func ask<Value>(_ request: Request, limitMilliseconds: Int = KeeperClient.patience, _ pick: (Reply) -> Value?)
        throws(RunnerError) -> Value
    {
        try send(request)
        while true {
            guard wait(limitMilliseconds: limitMilliseconds) else {
                throw .keeperSilent("the keeper has not answered for \(limitMilliseconds / 1000) s")
            }
            guard let replies = try receive() else { throw .keeperGone("the keeper ended without an answer") }
            for reply in replies { if let value = pick(reply) { return value } }
        }
    }

    /// A keeper answers in milliseconds; it is stopped, or its host is drowning, when it takes this long.
    package static let patience = 10_000

    package func status() throws(RunnerError) -> LabStatus {
        try ask(.status) { if case .status(let status) = $0 { status } else { nil } }
    }

    /// True when something can be read.
    package func wait(limitMilliseconds: Int) -> Bool {
        var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
        // Safe because the one entry outlives the call.
        return unsafe poll(&entry, 1, CInt(clamping: limitMilliseconds)) != 0
    }
}
