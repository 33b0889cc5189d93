import CLinux
import Glibc
import Host

/// A port where each frame is one message of a socket: `vde_switch`, or one end of a veth pair. Many messages move in one call.
final class FrameMessages: FramePort {
    private static let batch = 64
    private let socket: Descriptor
    /// Messages that only fill the batch; all of them point to the same bytes for sending, and to their own for receiving.
    private let outgoing: UnsafeMutablePointer<message_in_batch>
    private let incoming: UnsafeMutablePointer<message_in_batch>
    private var owned: [UnsafeMutableRawPointer] = []

    private init(_ socket: consuming Descriptor, _ message: [UInt8]) {
        self.socket = socket
        var owned: [UnsafeMutableRawPointer] = []
        func allocate(_ count: Int) -> UnsafeMutableRawPointer {
            let pointer = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
            owned.append(pointer)
            return pointer
        }
        func messages(_ place: (Int) -> UnsafeMutableRawPointer, _ count: Int) -> UnsafeMutablePointer<message_in_batch> {
            let messages = allocate(Self.batch * MemoryLayout<message_in_batch>.stride).bindMemory(
                to: message_in_batch.self, capacity: Self.batch)
            let parts = allocate(Self.batch * MemoryLayout<iovec>.stride).bindMemory(to: iovec.self, capacity: Self.batch)
            for index in 0..<Self.batch {
                (parts + index).initialize(to: iovec(iov_base: place(index), iov_len: count))
                var message = message_in_batch()
                message.header.msg_iov = parts + index
                message.header.msg_iovlen = 1
                (messages + index).initialize(to: message)
            }
            return messages
        }
        let bytes = allocate(message.count)
        message.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress!, byteCount: message.count) }
        outgoing = messages({ _ in bytes }, message.count)
        let room = max(2048, message.count + 64)
        let buffers = allocate(room * Self.batch)
        incoming = messages({ buffers + $0 * room }, room)
        self.owned = owned
    }

    deinit { for pointer in owned { pointer.deallocate() } }

    func send(_ count: Int) -> Bool {
        var left = count
        while left > 0 {
            let done = sendmmsg(socket.number, outgoing, UInt32(min(left, Self.batch)), 0)
            if done > 0 {
                left -= Int(done)
            } else if errno == EAGAIN || errno == ENOBUFS {
                usleep(20)
            } else {
                return false
            }
        }
        return true
    }

    func receive(limitMilliseconds: Int32) -> Int {
        guard isReadable(socket.number, limitMilliseconds: limitMilliseconds) else { return 0 }
        return max(0, Int(recvmmsg(socket.number, incoming, UInt32(Self.batch), CInt(MSG_DONTWAIT), nil)))
    }

    // MARK: vde_switch

    /// Asks a `vde_switch` for a port: a request on its control socket, and an address to send frames to in return.
    /// - Returns: the port, and the control connection, whose end gives the port back.
    static func vde(_ folder: String, _ frame: TestFrame) throws -> (port: FrameMessages, control: SharedDescriptor) {
        let control = try UnixSocket.connect(folder + "/ctl")
        let own = "\(folder)/.port-\(getpid())"
        let data = try MessageSocket.datagrams(at: own)
        // { magic: u32, version: u32, kind: u32, address: sockaddr_un }
        var request: [UInt8] = []
        for word: UInt32 in [0xFEED_FACE, 3, 0] { withUnsafeBytes(of: word) { request += $0 } }
        request += try MessageSocket.unixAddress(own)
        try control.writeAll(request)
        let answer = try control.read(upTo: 256)
        guard answer.count > 2 else { throw BenchmarkError("vde_switch refused a port") }
        try MessageSocket.connect(data, to: answer)
        return (FrameMessages(data, frame.bytes), SharedDescriptor(control))
    }

    // MARK: A network interface

    /// Frames as an interface sends and takes them, with the header of large segments before them.
    static func interface(_ name: String, _ frame: TestFrame) throws -> FrameMessages {
        FrameMessages(try MessageSocket.interface(name), frame.header.prefix(10) + frame.bytes)
    }
}
