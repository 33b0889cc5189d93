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

    /// Zeroed private memory that is given out page by page on first touch; never in a core dump.
    package static func anonymous(count: Int, doing: String) throws(OSError) -> Mapping {
        let mapping = try map(doing, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        unsafe _ = madvise(mapping.base, count, MADV_DONTDUMP)
        return mapping
    }

    /// Makes private anonymous memory read as zeros again and gives its pages back.
    package borrowing func clear() {
        // Safe because the range is the mapping's own.
        unsafe _ = madvise(base, count, MADV_DONTNEED)
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
