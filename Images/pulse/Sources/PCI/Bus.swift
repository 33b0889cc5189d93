/// Finds every function behind the host bridge.
enum Bus {
    /// Bridges in bridges in bridges: nobody needs more, and a lying bridge gets no more.
    private static let deepest = 4

    static func scan(_ bus: UInt8 = 0, depth: Int = 0) -> [Function] {
        var found: [Function] = []
        for device in 0..<32 as Range<UInt8> {
            let first = Function(bus: bus, device: device, function: 0)
            guard first.vendor != 0xFFFF else { continue }
            for number in 0..<(first.hasSiblings ? 8 : 1) as Range<UInt8> {
                let function = Function(bus: bus, device: device, function: number)
                guard number == 0 || function.vendor != 0xFFFF else { continue }
                found.append(function)
                let secondary = UInt8(truncatingIfNeeded: function.read(Function.Register.buses) >> 8)
                if function.isBridge, secondary > bus, depth < deepest { found += scan(secondary, depth: depth + 1) }
            }
        }
        return found
    }
}
