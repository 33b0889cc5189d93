internal import LabModel

/// A question to the bridge that is asked until the answer is yes: does this port accept a connection, does it answer a ping?
final class Probe {
    let id: String
    let port: PortName
    let kind: Kind
    /// What came back last, for the message when it never says yes.
    private(set) var lastAnswer: String?
    private let succeeded: () -> Void
    private let stopped: (Probe) -> Void

    enum Kind: Hashable {
        case tcp(UInt16)
        case ping
    }

    init(id: String, port: PortName, kind: Kind, succeeded: @escaping () -> Void, stopped: @escaping (Probe) -> Void) {
        self.id = id
        self.port = port
        self.kind = kind
        self.succeeded = succeeded
        self.stopped = stopped
    }

    var word: String {
        switch kind {
        case .tcp(let number): "probe \(id) \(port) tcp \(number)"
        case .ping: "probe \(id) \(port) ping"
        }
    }

    /// `ready`, or why not yet.
    func hear(_ answer: String) {
        lastAnswer = answer
        if answer == "ready" { succeeded() }
    }

    func stop() { stopped(self) }
}
