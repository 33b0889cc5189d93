/// What the init inside a carrier tells the host: `hello`, `running`, output, and then one of `exited`, `signalled` or `failed`.
package enum InitMessage: Hashable, Sendable {
    /// The carrier is up and listens. Milliseconds since its kernel started, by its own clock.
    case hello(version: UInt32, uptimeMilliseconds: UInt32)
    /// Every descriptor is open and the program runs: from now on its streams may be written to.
    case running
    case output([UInt8])
    case errorOutput([UInt8])
    case exited(Int32)
    case signalled(Int32)
    /// The carrier itself could not do something; it powers off.
    case failed(String)

    /// Both sides come out of one build; an init of another build is refused, since it is a stale kit.
    package static let version: UInt32 = 1

    private enum Kind: UInt8 {
        case hello = 0x68  // h
        case running = 0x72  // r
        case output = 0x6F  // o
        case errorOutput = 0x65  // e
        case exited = 0x78  // x
        case signalled = 0x73  // s
        case failed = 0x66  // f
    }

    package var frame: Frame {
        var fields = FieldWriter()
        switch self {
        case .hello(let version, let uptime):
            fields.put(version)
            fields.put(uptime)
            return Frame(kind: Kind.hello.rawValue, payload: fields.bytes)
        case .running: return Frame(kind: Kind.running.rawValue, payload: [])
        case .output(let bytes): return Frame(kind: Kind.output.rawValue, payload: bytes)
        case .errorOutput(let bytes): return Frame(kind: Kind.errorOutput.rawValue, payload: bytes)
        case .exited(let status):
            fields.put(status)
            return Frame(kind: Kind.exited.rawValue, payload: fields.bytes)
        case .signalled(let number):
            fields.put(number)
            return Frame(kind: Kind.signalled.rawValue, payload: fields.bytes)
        case .failed(let text):
            fields.put(text)
            return Frame(kind: Kind.failed.rawValue, payload: fields.bytes)
        }
    }

    package init(_ frame: Frame) throws(LinkError) {
        var fields = FieldReader(frame.payload)
        switch Kind(rawValue: frame.kind) {
        case .hello: self = .hello(version: try fields.take(), uptimeMilliseconds: try fields.take())
        case .running: self = .running
        case .exited: self = .exited(try fields.take())
        case .signalled: self = .signalled(try fields.take())
        case .failed: self = .failed(try fields.text())
        case .output:
            self = .output(frame.payload)
            return
        case .errorOutput:
            self = .errorOutput(frame.payload)
            return
        case nil: throw LinkError("an unknown message of kind \(frame.kind)")
        }
        try fields.finish()
    }
}

/// The name of the link's own virtio port; machines' streams must not be called so.
package let linkPortName = "carrier"
