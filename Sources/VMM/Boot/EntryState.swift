/// How the boot processor begins: the contract of a boot protocol, as registers.
package struct EntryState: Hashable, Sendable {
    package enum Mode: Hashable, Sendable {
        /// 64-bit long mode, the first 4 GiB mapped one to one.
        case long
        /// 32-bit protected mode, flat segments, no paging.
        case protected
    }

    package var mode: Mode
    package var instruction: UInt64
    package var stack: UInt64 = 0
    package var rax: UInt64 = 0
    package var rbx: UInt64 = 0
    package var rsi: UInt64 = 0
}
