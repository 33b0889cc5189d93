internal import CLinux
internal import Glibc

/// The one owner of mapped memory: unmaps it when it goes away.
@safe
package struct Mapping: ~Copyable, @unchecked Sendable {  // The memory may be used by many threads; the owner only frees it.
    package let base: UnsafeMutableRawPointer
    package let count: Int

    deinit { unsafe _ = munmap(base, count) }

    private init(base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    private static func map(_ doing: String, _ count: Int, _ protection: CInt, _ flags: CInt, _ number: CInt, _ offset: UInt64)
        throws(OSError) -> Mapping
    {
        let start = unsafe mmap(nil, count, protection, flags, number, off_t(clamping: offset))
        guard let start = unsafe start, unsafe start != MAP_FAILED else { throw OSError.current(doing) }
        return unsafe Mapping(base: start, count: count)
    }

    /// Zeroed private memory that is given out on first touch, in large pages where the host has them; never in a core dump.
    ///
    /// It begins at a multiple of 2 MiB, so that a virtual machine's second-stage tables can use large pages too: fewer faults, fewer table walks.
    package static func anonymous(count: Int, doing: String) throws(OSError) -> Mapping {
        let large = count >= largePage
        let wide = try reserve(large ? count + largePage : count, doing)
        guard large else { return wide.advise(isLarge: false) }
        return wide.cut(to: count, alignment: largePage).advise(isLarge: true)
    }

    private static let largePage = 2 << 20

    private static func reserve(_ count: Int, _ doing: String) throws(OSError) -> Mapping {
        try map(doing, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    }

    /// Gives back what lies before the first aligned byte and after `count` bytes from there.
    private consuming func cut(to count: Int, alignment: Int) -> Mapping {
        let (base, whole) = unsafe (base, self.count)
        discard self
        let before = (alignment - Int(bitPattern: base) % alignment) % alignment
        let after = whole - before - count
        // Safe because both ranges lie in the old mapping and nobody has seen them.
        if before > 0 { unsafe _ = munmap(base, before) }
        if after > 0 { unsafe _ = munmap(base + before + count, after) }
        return unsafe Mapping(base: base + before, count: count)
    }

    private consuming func advise(isLarge: Bool) -> Mapping {
        // Safe because the range is the mapping's own; a host without large pages says no, which is fine.
        unsafe _ = madvise(base, count, MADV_DONTDUMP)
        if isLarge { unsafe _ = madvise(base, count, MADV_HUGEPAGE) }
        return self
    }

    /// Makes private anonymous memory read as zeros again and gives its pages back.
    package borrowing func clear() {
        // Safe because the range is the mapping's own.
        unsafe _ = madvise(base, count, MADV_DONTNEED)
    }

    /// Makes everybody who remembers where the page at `offset` lies (a virtual machine's second-stage tables) forget it. Its contents stay, and it can be
    /// used by others meanwhile.
    package borrowing func dropTranslation(at offset: Int) {
        let page = 4096
        guard offset >= 0, offset % page == 0, offset <= count - page else { return }
        // Safe because the page is the mapping's own and never loses a right: more rights and back is a change, which is all that is needed.
        unsafe _ = mprotect(base + offset, page, PROT_READ | PROT_WRITE | PROT_EXEC)
        unsafe _ = mprotect(base + offset, page, PROT_READ | PROT_WRITE)
    }

    /// A private, read-only view of a file.
    package static func readOnly(_ file: borrowing Descriptor, count: Int, doing: String) throws(OSError) -> Mapping {
        try map(doing, count, PROT_READ, MAP_PRIVATE, file.number, 0)
    }

    /// A view shared with the kernel (a vCPU's run page).
    package static func shared(_ file: borrowing Descriptor, count: Int, doing: String) throws(OSError) -> Mapping {
        try map(doing, count, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0)
    }
}

/// Lets the kernel take back the pages of this program's own code that were needed only to start; what is needed again comes back from its cache.
///
/// For programs that run long and do little after their start.
package func releaseStartupCode() {
    let page: UInt = 4096
    let start = (code_start() + page - 1) & ~(page - 1)
    let end = code_end() & ~(page - 1)
    guard end > start, let address = unsafe UnsafeMutableRawPointer(bitPattern: start) else { return }
    // Safe because code is a private, unchanged view of the program's file: a page that is dropped is read again from it.
    unsafe _ = madvise(address, Int(end - start), MADV_DONTNEED)
}
