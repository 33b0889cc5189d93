internal import CLinux
internal import Glibc
internal import Host

// ioctl(2) with its errors turned into `KVMError`, and the kernel's structures that end in an array.

/// Sends a request that takes a number.
@discardableResult
func request(
    _ doing: @autoclosure () -> String, on descriptor: borrowing Descriptor, _ number: UInt, _ value: UInt = 0
) throws(KVMError) -> Int32 {
    do throws(OSError) {
        return try retrying(doing()) { ioctl_value(descriptor.number, number, value) }
    } catch {
        throw .request(error)
    }
}

/// Sends a request that takes a C structure, which the kernel may fill in. (C unions are not `BitwiseCopyable` to Swift, so the type cannot say it.)
@discardableResult
func request<Argument>(
    _ doing: @autoclosure () -> String, on descriptor: borrowing Descriptor, _ number: UInt, with argument: inout Argument
) throws(KVMError) -> Int32 {
    do throws(OSError) {
        // Safe because each request number is called with the structure its definition names, and it outlives the call.
        return try retrying(doing()) {
            unsafe withUnsafeMutablePointer(to: &argument) { unsafe ioctl_pointer(descriptor.number, number, $0) }
        }
    } catch {
        throw .request(error)
    }
}

/// A kernel structure with a header and a counted array behind it (`kvm_cpuid2`, `kvm_msrs`, `kvm_irq_routing`):
/// laid out in one allocation, handed to the kernel, and read back.
func request<Element>(
    _ doing: @autoclosure () -> String, on descriptor: borrowing Descriptor, _ number: UInt, count: UInt32, elements: inout [Element]
) throws(KVMError) -> (result: Int32, count: UInt32) {
    // All three headers are two 32-bit words, the first being the count.
    let header = 2 * MemoryLayout<UInt32>.size
    let room = elements.count * MemoryLayout<Element>.stride
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: header + room, alignment: 8)
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe memory.storeBytes(of: count, as: UInt32.self)
    unsafe elements.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(rebasing: memory[header...]).copyMemory(from: $0) }
    let result: Int32
    do throws(OSError) {
        // Safe because the allocation holds `count` elements, and the kernel writes no more than the count allows.
        result = try retrying(doing()) { unsafe ioctl_pointer(descriptor.number, number, memory.baseAddress) }
    } catch {
        throw .request(error)
    }
    unsafe elements.withUnsafeMutableBytes { unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[header...])) }
    return unsafe (result, memory.load(as: UInt32.self))
}
