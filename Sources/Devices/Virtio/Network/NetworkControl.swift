/// The control queue (virtio 1.2 section 5.1.6.5): what the driver asks of the device while it runs.
///
///     command    readable  { class: u8, command: u8, data }
///                writable  { ack: u8 }    0 done, 1 not
///
/// Nothing is allocated by a number that the guest gave; data longer than any command needs is refused unread.
extension VirtioNetwork {
    /// Both address tables at their fullest that a driver sends, and some more.
    private static let commandLimit = 16 << 10
    /// Commands in one turn.
    private static let commandTurn = 16

    private enum Command {
        static let promiscuous: (UInt8, UInt8) = (0, 0)
        static let allMulticast: (UInt8, UInt8) = (0, 1)
        static let setTables: (UInt8, UInt8) = (1, 0)
        static let setAddress: (UInt8, UInt8) = (1, 1)
        static let setOffloads: (UInt8, UInt8) = (5, 0)
    }

    func command(_ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.commandTurn
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                left -= 1
                guard queue.chain.writableCount > 0 else { throw queue.fail(.wrongShape) }
                let isDone = perform(queue.chain)
                queue.chain.write([isDone ? 0 : 1], at: 0)
                queue.finish(written: 1)
            }
            queue.publish()
            if queue.mustStop { return false }
            if left == 0 { return true }
        } while try queue.resumeNotifications()
        return false
    }

    private func perform(_ chain: DescriptorChain) -> Bool {
        guard chain.readableCount <= Self.commandLimit, let bytes = chain.read(at: 0, count: chain.readableCount), bytes.count > 2 else {
            return false
        }
        let data = bytes[2...]
        return settings.withLock { settings in
            func has(_ feature: UInt64) -> Bool { settings.accepted & feature != 0 }
            switch (bytes[0], bytes[1]) {
            case Command.promiscuous where has(NetworkFeature.controlReceive) && data.count == 1:
                settings.filter.isPromiscuous = data.first != 0
            case Command.allMulticast where has(NetworkFeature.controlReceive) && data.count == 1:
                settings.filter.allMulticast = data.first != 0
            case Command.setTables where has(NetworkFeature.controlReceive):
                return settings.filter.setTables(count: data.count) { offset, count in
                    guard offset >= 0, count >= 0, offset + count <= data.count else { return nil }
                    return Array(data.dropFirst(offset).prefix(count))
                }
            case Command.setAddress where has(NetworkFeature.controlAddress) && data.count == 6:
                settings.filter.address = Array(data)
            case Command.setOffloads where has(NetworkFeature.guestOffloads) && data.count == 8:
                let wanted = data.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
                guard wanted & ~(settings.accepted & NetworkFeature.switchable) == 0, NetworkFeature.goTogether(wanted) else {
                    return false
                }
                settings.offloads = wanted
            default: return false
            }
            return true
        }
    }
}

private func ~= (pattern: (UInt8, UInt8), value: (UInt8, UInt8)) -> Bool { pattern == value }
