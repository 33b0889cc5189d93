/// A place where somebody types and reads: echo, backspace, one command a line.
final class Terminal {
    private var port: Port
    /// Taken from the port, not yet looked at.
    private var input: ArraySlice<UInt8> = []
    private var line: [UInt8] = []
    private var previous: UInt8 = 0

    enum Port {
        case serial(SerialPort)
        case console(ConsoleDevice)
    }

    /// Longer lines lose their end.
    private static let longestLine = 8192

    init(_ port: Port) {
        self.port = port
    }

    func print(_ text: Text) {
        write(text.bytes + [0x0D, 0x0A])
    }

    func prompt() {
        write([0x3E, 0x20])
    }

    func write(_ bytes: [UInt8]) {
        switch port {
        case .serial(let serial): serial.write(bytes)
        case .console(let console): console.write(bytes)
        }
    }

    /// What was typed and not yet taken, at most `limit` bytes of it; empty if there is nothing.
    func read(_ limit: Int) -> [UInt8] {
        if !input.isEmpty {
            defer { input = input.dropFirst(limit) }
            return [UInt8](input.prefix(limit))
        }
        return switch port {
        case .serial(let serial): serial.read(limit)
        case .console(let console): console.read(limit)
        }
    }

    /// Takes what was typed; a finished line, if there is one. Call again until `nil`.
    func readLine() -> [UInt8]? {
        var echo: [UInt8] = []
        defer { if !echo.isEmpty { write(echo) } }
        while let byte = nextByte() {
            defer { previous = byte }
            switch byte {
            case 0x0A where previous == 0x0D: continue
            case 0x0D, 0x0A:
                echo += [0x0D, 0x0A]
                defer { line = [] }
                return line
            case 0x08, 0x7F:
                if line.popLast() != nil { echo += [0x08, 0x20, 0x08] }
            case 0x20...0x7E where line.count < Self.longestLine:
                line.append(byte)
                echo.append(byte)
            default: continue
            }
            if echo.count >= 256 {
                write(echo)
                echo = []
            }
        }
        return nil
    }

    /// Whether somebody typed Ctrl-C; what was typed before it is forgotten.
    func takeInterrupt() -> Bool {
        input += read(Self.longestLine)
        guard let place = input.lastIndex(of: 0x03) else { return false }
        input = input[(place + 1)...]
        return true
    }

    private func nextByte() -> UInt8? {
        if input.isEmpty { input = read(Self.longestLine)[...] }
        return input.popFirst()
    }

    /// The virtio device behind it, if it is one.
    var transport: Transport? {
        if case .console(let console) = port { return console.transport }
        return nil
    }

    /// Where a console sends through: for those who want to break it.
    var sendingQueue: Virtqueue? {
        if case .console(let console) = port { return console.sending }
        return nil
    }

    /// Lets go of the device's interrupt pin.
    func quiet() { transport?.quiet() }

    func use(_ console: ConsoleDevice) {
        port = .console(console)
    }

    /// Makes the port usable again after somebody wrote nonsense to its registers.
    func reconfigure() {
        if case .serial(let serial) = port { serial.configure() }
    }
}
