/// Who is where on the link: a bounded table, the entry that was used longest ago gives way.
struct Neighbours {
    private var entries: [Entry] = []

    struct Entry {
        let address: IPv4Address
        /// `nil` while nobody has answered.
        var hardware: MACAddress?
        var learnt: UInt64
        var asked: UInt64
        var used: UInt64
    }

    private static let limit = 64
    /// Microseconds until an answer is asked for again, while it is still believed.
    private static let refreshTime: UInt64 = 30_000_000
    /// Microseconds that an answer is believed.
    private static let lifetime: UInt64 = 120_000_000
    private static let askingInterval: UInt64 = 500_000

    /// What is known of an address, and whether it is time to ask for it.
    mutating func find(_ address: IPv4Address, now: UInt64) -> (hardware: MACAddress?, mustAsk: Bool) {
        guard let index = entries.firstIndex(where: { $0.address == address }) else {
            insert(Entry(address: address, hardware: nil, learnt: now, asked: now, used: now))
            return (nil, true)
        }
        let age = now &- entries[index].learnt
        entries[index].used = now
        if age > Self.lifetime { entries[index].hardware = nil }
        let hardware = entries[index].hardware
        let mustAsk = (hardware == nil || age > Self.refreshTime) && now &- entries[index].asked >= Self.askingInterval
        if mustAsk { entries[index].asked = now }
        return (hardware, mustAsk)
    }

    /// Somebody said where he is. Who was not known is remembered only if he talks to us.
    mutating func learn(_ address: IPv4Address, at hardware: MACAddress, now: UInt64, isForUs: Bool) {
        if let index = entries.firstIndex(where: { $0.address == address }) {
            entries[index].hardware = hardware
            entries[index].learnt = now
        } else if isForUs {
            insert(Entry(address: address, hardware: hardware, learnt: now, asked: now, used: now))
        }
    }

    var hardwareAddresses: [MACAddress] { entries.compactMap { $0.hardware } }

    mutating func forgetAll() { entries = [] }

    private mutating func insert(_ entry: Entry) {
        if entries.count < Self.limit { return entries.append(entry) }
        var oldest = 0
        for index in entries.indices where entries[index].used < entries[oldest].used { oldest = index }
        entries[oldest] = entry
    }
}
