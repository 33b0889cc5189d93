internal import Carrier
internal import Host
internal import LabModel

/// What others are shown of it.
extension KeptMachine {
    var status: MachineStatus {
        let (state, detail): (MachineStatus.State, String?) =
            switch self.state {
            case .idle: (.waiting, nil)
            case .running(_, .starting): (.starting, nil)
            case .running(_, .ready): (.ready, nil)
            case .running(_, .unready): (.unready, nil)
            case .stopping: (.stopping, nil)
            case .pausing(_, let reason): (.restarting, reason)
            case .ended(let reason): (.ended, reason)
            }
        return MachineStatus(
            name: name, image: machine.image, state: state, detail: detail, cpus: machine.cpus, memory: machine.memory.description,
            since: since.text, pid: process?.identity.pid, restarts: restarts,
            consoles: consoles.filter { $0.log.end > 0 }.map(\.name), addresses: machine.interfaces.map(\.address.description))
    }

    private static let shownLines = 5

    /// The last lines of text on the console that said something last, for messages.
    var lastLines: [String] {
        let texts = consoles.map { console in
            var filter = EscapeFilter()
            let start = console.log.end > 4096 ? console.log.end - 4096 : 0
            return String(decoding: filter.text(of: console.log.read(at: start, limit: 4096).bytes), as: UTF8.self)
        }
        let lines = texts.map { text in
            text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }.suffix(Self.shownLines).map { String($0.suffix(120)) }
        }
        return lines.last { !$0.isEmpty } ?? []
    }

    static func seconds(since start: UInt64) -> String {
        let tenths = (EventLoop.now() - start) / 100_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
