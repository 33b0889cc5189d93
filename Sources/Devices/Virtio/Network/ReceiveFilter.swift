/// Which frames a guest wants to see, as its driver said on the control queue (virtio 1.2 section 5.1.6.5.1 and .2).
///
/// Until it says anything it sees all. Tables are bounded; a longer one turns into "all of that kind", never into memory.
struct ReceiveFilter: Sendable {
    /// Addresses in each table.
    static let tableLimit = 64

    typealias Address = [UInt8]

    var address: Address
    var isPromiscuous = true
    var allMulticast = false
    private(set) var unicast: [Address]? = []
    private(set) var multicast: [Address]? = []

    init(address: Address) { self.address = address }

    func wants(_ destination: some Collection<UInt8>) -> Bool {
        if isPromiscuous { return true }
        guard let first = destination.first else { return false }
        if destination.allSatisfy({ $0 == 0xFF }) { return true }
        if first & 1 != 0 { return allMulticast || multicast?.contains { $0.elementsEqual(destination) } ?? true }
        return address.elementsEqual(destination) || unicast?.contains { $0.elementsEqual(destination) } ?? true
    }

    /// Two tables in a row, unicast then multicast: `{ entries: u32, entries of 6 bytes }`.
    /// - Parameters:
    ///   - count: bytes that there are.
    ///   - read: bytes at an offset, nil past the end.
    /// - Returns: false, with nothing changed, if the bytes are not exactly two tables.
    mutating func setTables(count: Int, _ read: (Int, Int) -> [UInt8]?) -> Bool {
        var offset = 0
        func table() -> (isRight: Bool, addresses: [Address]?) {
            guard let prefix = read(offset, 4) else { return (false, nil) }
            let entries = prefix.reversed().reduce(0) { $0 << 8 | Int($1) }
            guard entries <= (count - offset - 4) / 6 else { return (false, nil) }
            let start = offset + 4
            offset = start + entries * 6
            guard entries <= Self.tableLimit else { return (true, nil) }
            return (true, (0..<entries).compactMap { read(start + $0 * 6, 6) })
        }
        let first = table()
        let second = first.isRight ? table() : (isRight: false, addresses: nil)
        guard first.isRight, second.isRight, offset == count else { return false }
        unicast = first.addresses
        multicast = second.addresses
        return true
    }
}
