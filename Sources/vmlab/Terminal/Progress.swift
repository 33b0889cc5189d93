import Host
import LabRunner

/// Shows a lab's events as they come: a region drawn in place on a terminal, one line a change elsewhere.
final class Progress {
    private let io: Streams
    /// What is going on right now, in the order it began: subject, what, since when.
    private var current: [Activity] = []
    private var drawnLines = 0
    private var lastPlainProgress: UInt64 = 0

    private struct Activity {
        var subject: String
        var doing: String
        var since: UInt64
    }

    /// A build says hundreds of lines; a log wants to know that it is alive.
    private static let plainInterval: UInt64 = 15_000_000_000

    init(_ io: Streams) { self.io = io }

    func show(_ event: LabEvent) {
        let detail = event.detail.map(Text.plain)
        let subject = event.machine ?? ""
        switch event.event {
        case .imageBuilding: begin("image \(detail ?? "")", "building", line: "image \(detail ?? ""): building")
        case .imageProgress: progress(detail ?? "")
        case .imageBuilt: end("image \(detail ?? "")", line: "image \(detail ?? ""): built")
        case .imageFailed:
            let name = (detail ?? "").prefix { $0 != ":" }
            end("image \(name)", line: "image \(detail ?? "")")
        case .machineStarting: begin(subject, "starting", line: "\(subject): starting")
        case .machineStarted:
            begin(
                subject, "started\(detail.map { " \($0)" } ?? ""), not ready yet",
                line: "\(subject): started\(detail.map { " \($0)" } ?? "")")
        case .machineReady: end(subject, line: "\(subject): ready\(detail.map { " \($0)" } ?? "")")
        case .machineNotReady: end(subject, line: "\(subject): \(detail ?? "not ready")")
        case .machineStopping: begin(subject, "stopping", line: "\(subject): stopping")
        case .machineEnded: end(subject, line: "\(subject): \(detail ?? "ended")")
        case .machineRestarting: begin(subject, "starts again \(detail ?? "")", line: "\(subject): starts again \(detail ?? "")")
        case .machineReset: line("\(subject): rebooted\(detail.map { " (\($0))" } ?? "")")
        case .machineChanged: line("\(subject): settings changed")
        case .machineForgotten: line("\(subject): deleted")
        case .deviceError: line("\(subject): device error: \(detail ?? "")")
        case .accelerator, .note: line(subject.isEmpty ? detail ?? "" : "\(subject): \(detail ?? "")")
        case .networkStarted: line("networks: started")
        case .networkEnded: line("networks: \(detail ?? "ended")")
        case .networkRestarting: line("networks: start again \(detail ?? "")")
        case .networkStopped: line("networks: stopped")
        case .uplinkMissing, .uplinkEnded, .uplinkBroken, .portBroken, .storm, .macFlap, .poolExhausted:
            let port = [event.machine, event.network].compactMap(\.self).joined(separator: "/")
            line("\(port): \(detail ?? event.event.rawValue)")
        case .linkChanged: line(detail ?? "")
        // Said so often that they would hide the rest; `vmlab events` has them.
        case .lease, .uplinkStarted, .deviceDriven: break
        case .consoleLost, .stepSkipped, .eventsLost: line(subject.isEmpty ? detail ?? "" : "\(subject): \(detail ?? "")")
        // The failure itself is told by the machine or the image, and once more by the result.
        case .stepFailed, .labUp, .labStopping, .labStopped: break
        }
    }

    /// A line that stays.
    func line(_ text: String) {
        erase()
        io.say(text)
        draw()
    }

    /// Once a second: times go on.
    func tick() {
        guard io.drawsLive, !current.isEmpty else { return }
        erase()
        draw()
    }

    /// Nothing is going on any more.
    func finish() {
        erase()
        current = []
    }

    private func begin(_ subject: String, _ doing: String, line text: String) {
        if let index = current.firstIndex(where: { $0.subject == subject }) {
            current[index].doing = doing
        } else {
            current.append(Activity(subject: subject, doing: doing, since: EventLoop.now()))
        }
        if io.drawsLive { tick() } else { io.say(text) }
    }

    private func end(_ subject: String, line text: String) {
        current.removeAll { $0.subject == subject }
        line(text)
    }

    private func progress(_ detail: String) {
        let parts = detail.split(separator: ":", maxSplits: 1)
        let subject = "image \(parts.first ?? "")"
        let doing = parts.count > 1 ? parts[1].drop(while: \.isWhitespace) : ""
        if io.drawsLive {
            begin(subject, "building: \(doing)", line: "")
        } else if EventLoop.now() - lastPlainProgress > Self.plainInterval {
            lastPlainProgress = EventLoop.now()
            io.say("\(subject): \(doing)")
        }
    }

    // MARK: The region

    private func erase() {
        guard drawnLines > 0 else { return }
        // Up to its first line, and all below that away.
        io.writeErr("\u{1B}[\(drawnLines)A\r\u{1B}[J")
        drawnLines = 0
    }

    private func draw() {
        guard io.drawsLive, !current.isEmpty else { return }
        let width = max(20, io.columns - 1)
        let names = current.map(\.subject.count).max() ?? 0
        var text = ""
        for activity in current {
            let seconds = (EventLoop.now() - activity.since) / 1_000_000_000
            let name = activity.subject + String(repeating: " ", count: names - activity.subject.count)
            let time = String(repeating: " ", count: max(0, 5 - "\(seconds)".count)) + "\(seconds) s"
            text += String("  \(name) \(time)  \(activity.doing)".prefix(width)) + "\n"
        }
        io.writeErr(text)
        drawnLines = current.count
    }
}
