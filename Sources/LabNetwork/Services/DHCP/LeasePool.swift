package import LabModel

/// Addresses of a network that belong to no machine of the lab, lent to whoever else asks: virtual machines within machines, made-up cards.
///
/// Where a stranger's address is first looked for is a function of what it calls itself, so that it finds the same one after the
/// bridge was started anew. One port can take no more than half: a guest that makes up strangers leaves the other half alone.
package struct LeasePool: Sendable {
    /// Who asks: by its own name for itself, seen on one wire.
    package struct Client: Hashable, Sendable {
        package var port: PortIndex
        /// The client identifier, or else the hardware address.
        package var name: [UInt8]

        package init(port: PortIndex, name: [UInt8]) {
            self.port = port
            self.name = name
        }
    }

    private enum Slot {
        case free
        /// Somebody's until then; after it, still found again by its last owner while nobody else needs it.
        case held(Client, until: UInt64)
        /// Somebody unknown uses it: a client said so.
        case declined(by: Client, until: UInt64)
    }

    /// Slots of one network; each costs about a hundred bytes.
    static let limit = 4096
    /// How long an address stays out of use after a client found it taken, in nanoseconds.
    private static let declinedTime: UInt64 = 600_000_000_000

    private let addresses: [IPv4Address]
    private var slots: [Slot]
    private var slotOfClient: [Client: Int] = [:]
    private var slotOfAddress: [IPv4Address: Int] = [:]
    private let perPort: Int

    /// - Parameter taken: never lent.
    package init(_ subnet: IPv4Subnet, without taken: Set<IPv4Address>) {
        var addresses: [IPv4Address] = []
        // From the end, away from where people put what they name by hand.
        var number = subnet.hostCount
        while number >= 1, addresses.count < Self.limit {
            if let address = subnet.host(number), !taken.contains(address) { addresses.append(address) }
            number -= 1
        }
        self.addresses = addresses
        slots = Array(repeating: .free, count: addresses.count)
        perPort = max(1, addresses.count / 2)
        for (index, address) in addresses.enumerated() { slotOfAddress[address] = index }
    }

    package var count: Int { addresses.count }

    /// What the client holds or held last and nobody took since.
    package func address(of client: Client) -> IPv4Address? { slotOfClient[client].map { addresses[$0] } }

    /// Finds the client an address and holds it; what it holds already is never held for less time than before.
    /// - Parameter wish: given if it is free.
    /// - Returns: nil if all are in use, or as many as one port may have.
    package mutating func hold(_ client: Client, wish: IPv4Address?, until: UInt64, now: UInt64) -> IPv4Address? {
        if let slot = slotOfClient[client] {
            guard case .held(_, let before) = slots[slot] else { return nil }
            slots[slot] = .held(client, until: max(before, until))
            return addresses[slot]
        }
        guard let slot = place(client, wish: wish, now: now) else { return nil }
        if case .held(let last, _) = slots[slot] { slotOfClient[last] = nil }
        slots[slot] = .held(client, until: until)
        slotOfClient[client] = slot
        return addresses[slot]
    }

    /// Holds exactly that address.
    package mutating func take(_ address: IPv4Address, _ client: Client, until: UInt64, now: UInt64) -> Bool {
        if let slot = slotOfClient[client], addresses[slot] != address {
            // What it held before is let go only if it can have what it asks for.
            guard let wanted = slotOfAddress[address], isFree(wanted, now) else { return false }
            slots[slot] = .free
            slotOfClient[client] = nil
        }
        guard slotOfClient[client] != nil || slotOfAddress[address].map({ isFree($0, now) }) == true else { return false }
        return hold(client, wish: address, until: until, now: now) == address
    }

    package mutating func release(_ address: IPv4Address, _ client: Client, now: UInt64) {
        guard let slot = slotOfClient[client], addresses[slot] == address else { return }
        slots[slot] = .held(client, until: now)
    }

    package mutating func decline(_ address: IPv4Address, _ client: Client, now: UInt64) {
        guard let slot = slotOfClient.removeValue(forKey: client) else { return }
        guard addresses[slot] == address else {
            slotOfClient[client] = slot
            return
        }
        slots[slot] = .declined(by: client, until: now &+ Self.declinedTime)
    }

    private func isFree(_ slot: Int, _ now: UInt64) -> Bool {
        switch slots[slot] {
        case .free: true
        case .held(_, let until), .declined(_, let until): until <= now
        }
    }

    /// The wish, else the first never used from the client's own place on, else the one that has been out of use longest.
    private func place(_ client: Client, wish: IPv4Address?, now: UInt64) -> Int? {
        guard !slots.isEmpty else { return nil }
        let start = Self.start(client.name, of: slots.count)
        var ofPort = 0
        var unused: Int?
        var oldest: (slot: Int, until: UInt64)?
        for step in 0..<slots.count {
            let slot = (start + step) % slots.count
            switch slots[slot] {
            case .free:
                if unused == nil { unused = slot }
            case .held(let owner, let until), .declined(let owner, let until):
                if until > now {
                    if owner.port == client.port { ofPort += 1 }
                } else if until < oldest?.until ?? .max {
                    oldest = (slot, until)
                }
            }
        }
        guard ofPort < perPort else { return nil }
        if let wish, let slot = slotOfAddress[wish], isFree(slot, now) { return slot }
        return unused ?? oldest?.slot
    }

    /// FNV-1a, as all that is derived in a lab.
    private static func start(_ name: [UInt8], of count: Int) -> Int {
        let hash = name.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Int(hash % UInt64(count))
    }
}
