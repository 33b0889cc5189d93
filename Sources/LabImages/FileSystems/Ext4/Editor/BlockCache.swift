internal import Host

/// One block of the disk in memory.
final class EditedBlock {
    let number: UInt64
    var buffer = BlockBuffer(bytes: Ext4Geometry.blockSize)
    /// Goes to the disk at the end.
    var isChanged = false

    init(number: UInt64) { self.number = number }
}

/// The blocks of a disk that were looked at or changed: changes stay in memory until all of them are known to be right.
final class BlockCache {
    let disk: any Disk
    /// Blocks of the file system; none beyond is ever read or written.
    let count: UInt64
    private var blocks: [UInt64: EditedBlock] = [:]

    init(_ disk: any Disk, count: UInt64) {
        self.disk = disk
        self.count = count
    }

    /// A block as it is on the disk, or as it was changed.
    func block(_ number: UInt64) throws(Ext4EditError) -> EditedBlock {
        if let known = blocks[number] { return known }
        guard number < count else { throw .damaged("block \(number) lies beyond the last, \(count)") }
        let block = EditedBlock(number: number)
        do throws(DiskError) {
            // Safe because the buffer lives through the call.
            unsafe try disk.read(at: number * UInt64(Ext4Geometry.blockSize), into: [block.buffer.mutableBytes])
        } catch {
            throw .disk(error)
        }
        blocks[number] = block
        return block
    }

    /// A block whose old content does not matter: zeros.
    func fresh(_ number: UInt64) throws(Ext4EditError) -> EditedBlock {
        guard number < count else { throw .damaged("block \(number) lies beyond the last, \(count)") }
        let block = blocks[number] ?? EditedBlock(number: number)
        block.buffer.zero()
        block.isChanged = true
        blocks[number] = block
        return block
    }

    /// What was in a block that is free now does not matter.
    func forget(_ number: UInt64) { blocks[number] = nil }

    /// Blocks written with one call: 1 MiB.
    private static let longestRun = 256

    /// Writes what was changed, neighbours at once, and waits for the medium.
    func commit() throws(Ext4EditError) {
        let changed = blocks.values.filter(\.isChanged).sorted { $0.number < $1.number }
        do throws(DiskError) {
            var start = 0
            while start < changed.count {
                var end = start + 1
                while end < changed.count, end - start < Self.longestRun, changed[end].number == changed[end - 1].number + 1 { end += 1 }
                // Safe because the blocks are held by the cache through the call.
                let pieces = unsafe changed[start..<end].map { unsafe $0.buffer.mutableBytes }
                unsafe try disk.write(at: changed[start].number * UInt64(Ext4Geometry.blockSize), from: pieces)
                start = end
            }
            if !changed.isEmpty { try disk.flush() }
        } catch {
            throw .disk(error)
        }
        for block in changed { block.isChanged = false }
    }
}
