/// What the host tells the init inside a carrier, in this order: descriptors and files, `start`, then input and signals, `powerOff`.
package enum HostMessage: Hashable, Sendable {
    /// Open the virtio port of this name at this descriptor number.
    case stream(number: Int32, name: String)
    /// Open the disk with this serial at this descriptor number.
    case disk(number: Int32, serial: String, writable: Bool)
    /// Exactly `size` bytes follow in `data`; they stand at this descriptor number as a file in memory.
    case blob(number: Int32, size: UInt64)
    /// Exactly `size` bytes follow in `data`; they become the file at this absolute path.
    case file(path: String, mode: UInt16, size: UInt64)
    /// A symbolic link at this absolute path.
    case link(path: String, target: String)
    /// A piece of the blob or file announced last.
    case data([UInt8])
    /// Everything is said: run this program.
    case start(Program)
    /// Bytes for standard input; an empty message is its end.
    case input([UInt8])
    case signal(Int32)
    case powerOff

    package struct Program: Hashable, Sendable {
        package var path: String
        /// Without the program's name.
        package var arguments: [String]
        /// `NAME=value`.
        package var environment: [String]
        /// The folder it starts in; made when absent.
        package var folder: String
        /// True: its standard input comes in `input` messages; else it is empty.
        package var hasInput: Bool

        package init(path: String, arguments: [String], environment: [String] = [], folder: String = "/", hasInput: Bool = false) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.folder = folder
            self.hasInput = hasInput
        }
    }

    private enum Kind: UInt8 {
        case stream = 0x53  // S
        case disk = 0x44  // D
        case blob = 0x42  // B
        case file = 0x46  // F
        case link = 0x4C  // L
        case data = 0x64  // d
        case start = 0x58  // X
        case input = 0x69  // i
        case signal = 0x4B  // K
        case powerOff = 0x50  // P
    }

    package var frame: Frame {
        var fields = FieldWriter()
        switch self {
        case .stream(let number, let name):
            fields.put(number)
            fields.put(name)
            return Frame(kind: Kind.stream.rawValue, payload: fields.bytes)
        case .disk(let number, let serial, let writable):
            fields.put(number)
            fields.put(serial)
            fields.put(writable ? 1 as UInt8 : 0)
            return Frame(kind: Kind.disk.rawValue, payload: fields.bytes)
        case .blob(let number, let size):
            fields.put(number)
            fields.put(size)
            return Frame(kind: Kind.blob.rawValue, payload: fields.bytes)
        case .file(let path, let mode, let size):
            fields.put(path)
            fields.put(mode)
            fields.put(size)
            return Frame(kind: Kind.file.rawValue, payload: fields.bytes)
        case .link(let path, let target):
            fields.put(path)
            fields.put(target)
            return Frame(kind: Kind.link.rawValue, payload: fields.bytes)
        case .data(let bytes): return Frame(kind: Kind.data.rawValue, payload: bytes)
        case .start(let program):
            fields.put(program.path)
            fields.put(program.arguments)
            fields.put(program.environment)
            fields.put(program.folder)
            fields.put(program.hasInput ? 1 as UInt8 : 0)
            return Frame(kind: Kind.start.rawValue, payload: fields.bytes)
        case .input(let bytes): return Frame(kind: Kind.input.rawValue, payload: bytes)
        case .signal(let number):
            fields.put(number)
            return Frame(kind: Kind.signal.rawValue, payload: fields.bytes)
        case .powerOff: return Frame(kind: Kind.powerOff.rawValue, payload: [])
        }
    }

    package init(_ frame: Frame) throws(LinkError) {
        var fields = FieldReader(frame.payload)
        switch Kind(rawValue: frame.kind) {
        case .stream: self = .stream(number: try fields.take(), name: try fields.text())
        case .disk: self = .disk(number: try fields.take(), serial: try fields.text(), writable: try fields.take(UInt8.self) != 0)
        case .blob: self = .blob(number: try fields.take(), size: try fields.take())
        case .file: self = .file(path: try fields.text(), mode: try fields.take(), size: try fields.take())
        case .link: self = .link(path: try fields.text(), target: try fields.text())
        case .start:
            self = .start(
                Program(
                    path: try fields.text(), arguments: try fields.texts(), environment: try fields.texts(), folder: try fields.text(),
                    hasInput: try fields.take(UInt8.self) != 0))
        case .signal: self = .signal(try fields.take())
        case .data:
            self = .data(frame.payload)
            return
        case .input:
            self = .input(frame.payload)
            return
        case .powerOff: self = .powerOff
        case nil: throw LinkError("an unknown message of kind \(frame.kind)")
        }
        try fields.finish()
    }
}
