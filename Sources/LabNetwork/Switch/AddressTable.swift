/// Where addresses were last heard: one network's, each port with its own share.
///
/// A port that hears of more addresses than its share forgets the one that it heard longest ago, so nobody can push another's
/// out. An address is a key of 60 bits: VLAN and Ethernet address.
package struct AddressTable: Sendable {
    /// Entries that each port has, side by side: an entry's port is its number divided by this.
    package let share: Int
    private var entries: [Entry]
    private var used: [Int]
    /// Open addressing with linear probing: numbers of entries, or -1.
    private var slots: [Int32]
    private let mask: Int

    private struct Entry: Sendable {
        var key: UInt64 = 0
        /// Nanoseconds; when the address was last heard.
        var seen: UInt64 = 0
    }

    package enum Learnt: Hashable, Sendable {
        case known
        case new
        /// It was heard at that port until now.
        case moved(from: Int)
    }

    /// - Parameter portCount: ports of this network, numbered from 0.
    package init(portCount: Int, share: Int) {
        self.share = max(1, share)
        entries = [Entry](repeating: Entry(), count: max(1, portCount) * self.share)
        used = [Int](repeating: 0, count: max(1, portCount))
        var size = 64
        while size < entries.count * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        mask = size - 1
    }

    package var count: Int { used.reduce(0, +) }
    package func count(of port: Int) -> Int { used[port] }

    /// The port at which an address was heard not too long ago.
    package func port(of key: UInt64, now: UInt64) -> Int? {
        guard let slot = slot(of: key) else { return nil }
        let entry = Int(slots[slot])
        guard now &- entries[entry].seen < Limits.addressAge || now < entries[entry].seen else { return nil }
        return entry / share
    }

    /// An address was heard at a port.
    package mutating func learn(_ key: UInt64, at port: Int, now: UInt64) -> Learnt {
        if let slot = slot(of: key) {
            let entry = Int(slots[slot])
            let old = entry / share
            if old == port {
                entries[entry].seen = now
                return .known
            }
            let isFresh = now &- entries[entry].seen < Limits.addressAge
            forget(entry)
            insert(key, at: port, now)
            return isFresh ? .moved(from: old) : .new
        }
        insert(key, at: port, now)
        return .new
    }

    /// Forgets everything that was heard at a port.
    package mutating func flush(_ port: Int) {
        while used[port] > 0 { forget(port * share + used[port] - 1) }
    }

    private mutating func insert(_ key: UInt64, at port: Int, _ now: UInt64) {
        if used[port] == share {
            var oldest = port * share
            for entry in oldest..<(oldest + share) where entries[entry].seen < entries[oldest].seen { oldest = entry }
            forget(oldest)
        }
        let entry = port * share + used[port]
        used[port] += 1
        entries[entry] = Entry(key: key, seen: now)
        var slot = home(key)
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(truncatingIfNeeded: entry)
    }

    /// Takes an entry out, and puts the port's last one in its place.
    private mutating func forget(_ entry: Int) {
        if let slot = slot(of: entries[entry].key) { clear(slot) }
        let port = entry / share
        used[port] -= 1
        let last = port * share + used[port]
        guard last != entry else { return }
        if let slot = slot(of: entries[last].key) { slots[slot] = Int32(truncatingIfNeeded: entry) }
        entries[entry] = entries[last]
    }

    /// Empties a slot, and moves up those after it that would not be found past a hole.
    private mutating func clear(_ slot: Int) {
        var hole = slot
        var next = (hole + 1) & mask
        while slots[next] >= 0 {
            let wanted = home(entries[Int(slots[next])].key)
            if (next - wanted) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = -1
    }

    private func slot(of key: UInt64) -> Int? {
        var slot = home(key)
        while slots[slot] >= 0 {
            if entries[Int(slots[slot])].key == key { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func home(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }
}
