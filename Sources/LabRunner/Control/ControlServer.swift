internal import Glibc
internal import Host
internal import LabModel
internal import SystemPackage

/// The lab's control socket: takes clients in and hands their requests on.
final class ControlServer {
    private let loop: EventLoop
    private let path: String
    private var listener: SharedDescriptor?
    private var connections: [ObjectIdentifier: Connection] = [:]
    /// Clients that wait for an answer that comes later.
    private var waiting: Set<ObjectIdentifier> = []
    /// Called with each whole request.
    var onRequest: (Request, Connection) -> Void = { _, _ in }
    /// Called when a client is gone.
    var onClose: (Connection) -> Void = { _ in }

    /// Enough for any person's tools; each costs a descriptor and a few KiB.
    static let clientLimit = 1500
    /// Without descriptors to accept with, this long passes before the next try.
    private static let acceptPause = 500

    init(loop: EventLoop, path: String) {
        self.loop = loop
        self.path = path
    }

    /// Listens. The caller holds the lab's lock, so a socket that lies there is a dead keeper's.
    func listen() throws(OSError) {
        try Folder.removeFile(path)
        let listener = SharedDescriptor(try UnixSocket.listen(path, backlog: 512))
        try listener.with { descriptor throws(OSError) in try descriptor.setNonBlocking() }
        self.listener = listener
        try loop.watch(listener.number, .read) { [self] _ in acceptAll() }
    }

    /// Takes in a client that is connected already: the `up` that started this keeper.
    func adopt(_ socket: consuming Descriptor) throws(OSError) -> Connection {
        try socket.setNonBlocking()
        let connection = Connection(socket: socket, loop: loop, server: self)
        connections[ObjectIdentifier(connection)] = connection
        try connection.start()
        return connection
    }

    private func acceptAll() {
        guard let listener else { return }
        // Bounded: a flood of clients must not keep the loop from the machines.
        for _ in 0..<64 {
            do throws(OSError) {
                guard let number = try listener.with({ listener throws(OSError) in try UnixSocket.accept(listener)?.release() }) else {
                    return
                }
                let socket = Descriptor(owning: number)
                guard UnixSocket.peer(of: socket) == geteuid() || UnixSocket.peer(of: socket) == 0 else { continue }
                guard connections.count < Self.clientLimit else { continue }
                _ = try adopt(socket)
            } catch {
                // Out of descriptors: pause instead of turning round and round.
                loop.remove(listener.number)
                loop.after(milliseconds: Self.acceptPause) { [self] in
                    guard let listener = self.listener else { return }
                    try? loop.watch(listener.number, .read) { [self] _ in acceptAll() }
                }
                return
            }
        }
    }

    func receive(_ line: [UInt8], from connection: Connection) {
        guard !line.isEmpty else { return }
        guard let request = try? JSONLine.decode(Request.self, from: line) else {
            return connection.send(
                .result(Outcome(.usage, "that is no request", hint: #"one JSON object a line, such as {"request":"status"}"#)))
        }
        onRequest(request, connection)
    }

    // MARK: Connections

    /// An answer to this client comes later: it is kept when it stops sending.
    func wait(_ connection: Connection) { waiting.insert(ObjectIdentifier(connection)) }
    func isWaiting(_ connection: Connection) -> Bool { waiting.contains(ObjectIdentifier(connection)) }

    func forget(_ connection: Connection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        waiting.remove(ObjectIdentifier(connection))
        onClose(connection)
    }

    /// Something new is there for streams.
    func wakeStreams() {
        for connection in connections.values where connection.isStreaming { connection.wake() }
    }

    var isEmpty: Bool { connections.isEmpty }

    /// Lets go of the clients to whom everything has been said.
    func closeFinished() {
        for connection in connections.values where connection.isIdle { connection.hangUp() }
    }

    /// Takes no more clients, and takes the socket away.
    func stopListening() {
        guard let listener else { return }
        loop.remove(listener.number)
        self.listener = nil
        try? Folder.removeFile(path)
    }
}
