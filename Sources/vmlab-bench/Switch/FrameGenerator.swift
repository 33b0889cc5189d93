import Foundation
import Glibc
import Host

/// One process of a measurement: sends frames to the other as fast as they are taken, or counts what comes.
///
/// The counting side tells the sending side how many have come, so that never more than a window of them is on its way: what is
/// measured is what the switch carries, not what it drops. If frames are lost all the same, the sender goes on after a while.
enum FrameGenerator {
    /// `vmlab-bench frames send|count KIND WHERE BYTES SECONDS`, with the telling pipe at descriptor 9.
    static let verb = "frames"
    static let tellingDescriptor: CInt = 9

    static func run(_ arguments: [String]) throws {
        guard arguments.count == 5, let size = Int(arguments[3]), let seconds = Double(arguments[4]) else {
            throw BenchmarkError("\(verb) send|count stream|vde|interface WHERE BYTES SECONDS")
        }
        let isSender = arguments[0] == "send"
        let frame = TestFrame(count: size, from: isSender ? 1 : 2, to: isSender ? 2 : 1)
        var control: SharedDescriptor?
        var port: any FramePort
        switch arguments[1] {
        case "stream": port = FrameStream(CInt(arguments[2]) ?? -1, frame)
        case "vde":
            let connection = try FrameMessages.vde(arguments[2], frame)
            (port, control) = (connection.port, connection.control)
        default: port = try FrameMessages.interface(arguments[2], frame)
        }
        if isSender { send(&port, size, seconds) } else { count(&port, size) }
        _ = control
    }

    /// Frames on their way at once: some 256 KiB, and as many as a call can move.
    static func window(_ size: Int) -> Int { min(256, max(8, (256 << 10) / size)) }

    private static func send(_ port: inout some FramePort, _ size: Int, _ seconds: Double) {
        let window = window(size)
        let batch = max(1, window / 4)
        // The switch hears of this side's address, then of the other's.
        while port.receive(limitMilliseconds: 200) == 0 { _ = port.send(1) }
        let end = EventLoop.now() + UInt64(seconds * 1e9)
        var onTheirWay = 0
        var sent = 0
        while EventLoop.now() < end {
            while onTheirWay + batch > window {
                guard isReadable(tellingDescriptor, limitMilliseconds: 20) else {
                    onTheirWay = 0
                    break
                }
                var told = [UInt32](repeating: 0, count: 64)
                let count = told.withUnsafeMutableBytes { read(tellingDescriptor, $0.baseAddress, $0.count) }
                if count <= 0 { return }
                for index in 0..<(count / 4) { onTheirWay = max(0, onTheirWay - Int(told[index])) }
            }
            guard port.send(batch) else { break }
            onTheirWay += batch
            sent += batch
        }
        print("sent \(sent)")
    }

    private static func count(_ port: inout some FramePort, _ size: Int) {
        let step = max(1, window(size) / 8)
        // Until the sender has heard of this side's address and begins.
        while port.receive(limitMilliseconds: 20) == 0 { _ = port.send(1) }
        _ = port.send(1)
        let start = EventLoop.now()
        var last = start
        var total = 0
        var untold: UInt32 = 0
        while true {
            let count = port.receive(limitMilliseconds: 500)
            if count == 0 { break }
            total += count
            untold += UInt32(count)
            last = EventLoop.now()
            if Int(untold) >= step {
                _ = write(tellingDescriptor, &untold, 4)
                untold = 0
            }
        }
        print("counted \(total) \(Double(last - start) / 1e9)")
    }
}
