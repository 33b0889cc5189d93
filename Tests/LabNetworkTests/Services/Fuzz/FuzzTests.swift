import LabModel
import LabNetwork
import Testing

@Suite struct `strangers' bytes` {
    /// What libFuzzer does with more patience and by coverage (`make fuzz`): the same targets, the same seeds, the same numbers each time.
    @Test(arguments: FuzzTarget.allCases)
    func `never trap the services, and lead to nothing but sound answers`(target: FuzzTarget) {
        var chance = Derived(seed: 7, "fuzz", target.rawValue)
        func below(_ bound: Int) -> Int { Int(chance.next() % UInt64(max(1, bound))) }
        let seeds = target.seeds
        var shop = Shop(Shop.settings(uplink: true))
        for round in 0..<(1 << 14) {
            if round % 4096 == 0 {
                shop = Shop(Shop.settings(uplink: true))
                shop.services.setUplink(Shop.web, isUp: true, now: shop.now)
            }
            var bytes = seeds[below(seeds.count)]
            for _ in 0..<below(6) {
                switch below(6) {
                case 0 where !bytes.isEmpty: bytes[below(bytes.count)] = UInt8(truncatingIfNeeded: chance.next())
                case 1 where !bytes.isEmpty: bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
                case 2 where !bytes.isEmpty: bytes[below(bytes.count)] = [0, 0xFF, 0x7F, 0x80, 0xC0][below(5)]
                case 3: bytes.removeLast(below(bytes.count))
                case 4:
                    bytes.insert(contentsOf: (0..<below(40)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }, at: below(bytes.count))
                default: bytes += seeds[below(seeds.count)].suffix(below(32))
                }
            }
            if let wrong = target.feed(bytes, shop) {
                Issue.record("\(target) of \(bytes): \(wrong)")
                return
            }
        }
    }
}
