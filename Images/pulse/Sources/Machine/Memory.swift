import CPU

/// Copies bytes to an address.
func store(_ bytes: ArraySlice<UInt8>, at address: UInt64) {
    // Safe because the slice's own memory is only read, and only to its end.
    unsafe bytes.withUnsafeBytes { source in
        copy_bytes(address, UInt64(UInt(bitPattern: source.baseAddress)), UInt64(source.count))
    }
}

/// The bytes at an address.
func byteArray(at address: UInt64, count: Int) -> [UInt8] {
    // Safe because the array's memory is filled to exactly the count that it is told.
    unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
        copy_bytes(UInt64(UInt(bitPattern: target.baseAddress)), address, UInt64(count))
        initialized = count
    }
}
