import Foundation

/// libFuzzer's side of `FuzzTarget`: the target's name comes in `FUZZ_TARGET`.
nonisolated(unsafe) private var shop = Shop()
nonisolated(unsafe) private var count = 0
private let target = FuzzTarget(rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "") ?? .frame

/// Writes the seeds as files, for libFuzzer to begin from.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
    guard let folder = ProcessInfo.processInfo.environment["FUZZ_SEEDS"] else { return 0 }
    for (index, seed) in target.seeds.enumerated() { try? Data(seed).write(to: URL(filePath: folder).appending(path: "seed-\(index)")) }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func feed(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> CInt {
    // Tables fill up and are met again, but each finding can be repeated.
    if count % 4096 == 0 {
        shop = Shop(Shop.settings(uplink: true))
        shop.services.setUplink(Shop.web, isUp: true, now: shop.now)
    }
    count += 1
    if let wrong = target.feed(Array(UnsafeBufferPointer(start: bytes, count: length)), shop) {
        FileHandle.standardError.write(Data("\(target): \(wrong)\n".utf8))
        abort()
    }
    return 0
}
