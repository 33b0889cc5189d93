/// Pages that a device may read and write, let go of with their owner. Whoever owns them resets the device first.
struct DeviceMemory: ~Copyable {
    let address: UInt64
    private let pages: Int

    init(pages: Int) throws(Fault) {
        // Safe because pulse has one thread, and interrupts allocate nothing.
        guard let start = unsafe heap.pages(pages) else { throw .outOfMemory }
        address = start
        self.pages = pages
    }

    deinit {
        // Safe for the same reason.
        unsafe heap.free(pages: address, pages)
    }
}
