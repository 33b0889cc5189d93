/// What can go wrong, as told to whoever gave the command.
enum Fault: Error {
    case usage(StaticString)
    case unknownCommand
    case noSuchDisk
    case noSuchDevice(StaticString)
    case outOfRange(StaticString)
    case deviceNeedsReset(StaticString)
    case deviceRefused(StaticString)
    case inputOutput(status: UInt8)
    case outOfMemory
    case noRoute
    case noNameServer
    case noSuchName
    case nameServerRefused(code: UInt8)
    case noAnswer(StaticString)

    var text: Text {
        switch self {
        case .usage(let usage): "usage: \(usage)"
        case .unknownCommand: "unknown command, try help"
        case .noSuchDisk: "no such disk"
        case .noSuchDevice(let kind): "no \(kind) here"
        case .outOfRange(let what): "out of range: \(what)"
        case .deviceNeedsReset(let device): "\(device) needs a reset"
        case .deviceRefused(let what): "device refused \(what)"
        case .inputOutput(let status): Fault.name(ofBlockStatus: status)
        case .outOfMemory: "out of memory"
        case .noRoute: "no route to that host"
        case .noNameServer: "no name server is known"
        case .noSuchName: "no such name"
        case .nameServerRefused(let code): "the name server refused, code \(code)"
        case .noAnswer(let who): "no answer from \(who)"
        }
    }

    private static func name(ofBlockStatus status: UInt8) -> Text {
        switch status {
        case 1: "input/output error"
        case 2: "unsupported by the device"
        default: "unknown status \(status)"
        }
    }
}
