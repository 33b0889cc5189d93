/// Hands out the blocks of a disk in ascending order, around the superblock copies and whatever else is fixed already.
///
/// Blocks that are given back are used again only when the rest of the disk is full: that keeps files in one piece. Where the disk
/// is full altogether the numbers go on beyond its end, so that the whole content can be counted before it is refused.
struct BlockAllocator: Sendable {
    struct Run: Hashable, Sendable {
        var start: UInt64
        var count: UInt64
        var end: UInt64 { start + count }
    }

    private let geometry: Ext4Geometry
    /// Everything before it was handed out or lies in `free`.
    private(set) var cursor: UInt64
    /// Handed out beyond the cursor; ascending.
    private(set) var islands: [Run] = []
    private var nextIsland = 0
    /// Given back or skipped, before the cursor; in no order until `settleFree`.
    private var free: [Run] = []
    private var freeIsSorted = true
    private var freeCount: UInt64 = 0
    /// Content stays below this block.
    var limit: UInt64
    /// Blocks that hold content now, and the most there ever were.
    private(set) var used: UInt64 = 0
    private(set) var mostUsed: UInt64 = 0

    init(_ geometry: Ext4Geometry) {
        self.geometry = geometry
        cursor = geometry.fixedBlocks(ofGroup: 0)
        limit = geometry.blocks
    }

    /// Whether numbers beyond the limit had to be handed out.
    private(set) var isOverfull = false

    /// The next run, of at most `count` blocks.
    mutating func take(upTo count: UInt64) -> Run {
        let run = takeAny(upTo: count)
        used += run.count
        mostUsed = max(mostUsed, used)
        return run
    }

    private mutating func takeAny(upTo count: UInt64) -> Run {
        if !isOverfull {
            skipFixed()
            if cursor < limit {
                let end = min(nextFixed(), limit)
                let run = Run(start: cursor, count: min(count, end - cursor))
                cursor += run.count
                return run
            }
        }
        if let run = takeFree(upTo: count) { return run }
        if !isOverfull {
            isOverfull = true
            cursor = max(cursor, geometry.blocks)
        }
        let run = Run(start: cursor, count: count)
        cursor += count
        return run
    }

    mutating func give(back run: Run) {
        used -= run.count
        put(run)
    }

    /// A run of exactly `count` blocks at or after `start`; `nil` when there is none. For bitmaps, tables and journal, ascending.
    mutating func place(_ count: UInt64, from start: UInt64) -> Run? {
        var at = max(start, islands.last?.end ?? 0, cursor)
        while at + count <= geometry.blocks {
            let group = at / Ext4Geometry.blocksPerGroup
            let clear = geometry.start(ofGroup: group) + geometry.fixedBlocks(ofGroup: group)
            if at < clear {
                at = clear
                continue
            }
            guard let obstacle = firstCopy(from: at, below: at + count) else {
                let run = Run(start: at, count: count)
                islands.append(run)
                return run
            }
            at = obstacle
        }
        return nil
    }

    // MARK: Fixed places

    private mutating func skipFixed() {
        while true {
            let group = cursor / Ext4Geometry.blocksPerGroup
            let clear = geometry.start(ofGroup: group) + geometry.fixedBlocks(ofGroup: group)
            if cursor < clear, cursor < geometry.blocks {
                cursor = clear
            } else if nextIsland < islands.count, islands[nextIsland].start <= cursor {
                cursor = max(cursor, islands[nextIsland].end)
                nextIsland += 1
            } else {
                return
            }
        }
    }

    /// Where the free run at the cursor ends.
    private func nextFixed() -> UInt64 {
        let island = nextIsland < islands.count ? islands[nextIsland].start : UInt64.max
        let end = min(island, geometry.blocks)
        return firstCopy(from: cursor, below: end) ?? end
    }

    /// The first superblock copy that starts in a range.
    private func firstCopy(from start: UInt64, below end: UInt64) -> UInt64? {
        var group = start / Ext4Geometry.blocksPerGroup + 1
        while geometry.start(ofGroup: group) < end {
            if geometry.hasSuperblock(group) { return geometry.start(ofGroup: group) }
            group += 1
        }
        return nil
    }

    // MARK: Free runs

    private mutating func put(_ run: Run) {
        guard run.count > 0 else { return }
        free.append(run)
        freeIsSorted = free.count == 1
        freeCount += run.count
    }

    private mutating func takeFree(upTo count: UInt64) -> Run? {
        guard freeCount > 0 else { return nil }
        settleFree()
        // From the end, because that is where an array shrinks for nothing; descending order makes it the lowest run.
        guard var run = free.popLast() else { return nil }
        let taken = Run(start: run.start, count: min(count, run.count))
        run.start += taken.count
        run.count -= taken.count
        if run.count > 0 { free.append(run) }
        freeCount -= taken.count
        return taken
    }

    /// Sorts the free runs, highest first, and joins neighbours.
    private mutating func settleFree() {
        guard !freeIsSorted else { return }
        free.sort { $0.start > $1.start }
        var joined: [Run] = []
        for run in free {
            if let last = joined.last, run.end == last.start {
                joined[joined.count - 1] = Run(start: run.start, count: run.count + last.count)
            } else {
                joined.append(run)
            }
        }
        free = joined
        freeIsSorted = true
    }

    /// The free runs before the cursor, ascending.
    mutating func freeRuns() -> [Run] {
        settleFree()
        return free.reversed()
    }
}
