/// A change to a carrier's `kvm-amd` module, without which UEFI firmware cannot run in there.
///
/// QEMU's emulation of nested SVM (7.0 to 11.1 at least) aborts when a nested guest writes CR8 while KVM waits to hand it an interrupt. UEFI firmware does so at the
/// end of every interrupt. KVM begins with such writes intercepted, which QEMU does well, and then turns that off and on as an economy
/// (`svm_update_cr8_intercept`). That function is made to return at once: every write to CR8 stays intercepted, and nothing else changes. A
/// processor of hardware never meets any of this.
///
///     ELF64   40 u64 section headers   60 u16 their number         section  4 u32 type   24 u64 offset   32 u64 size   40 u32 link
///             symbol  0 u32 name   6 u16 section   8 u64 value   16 u64 size
package enum CR8Interception {
    private static let function = Array("svm_update_cr8_intercept\0".utf8)
    /// After this the kernel finds a signature, which no longer holds; without one it takes the module all the same.
    private static let signatureMark = Array("~Module signature appended~\n".utf8)
    private static let symbolTable: UInt64 = 2
    private static let sectionHeaderCount = 64
    private static let symbolCount = 24
    private static let returnInstruction: UInt8 = 0xC3

    /// The module with every write to CR8 intercepted; nil where the function is not found.
    package static func always(in module: [UInt8]) -> [UInt8]? {
        guard let place = returnPlace(module) else { return nil }
        var module = module
        module[place] = returnInstruction
        if module.suffix(signatureMark.count).elementsEqual(signatureMark) { module.removeLast(signatureMark.count) }
        return module
    }

    /// The first place in the function that tracing, which owns its first instructions, does not change.
    private static func returnPlace(_ module: [UInt8]) -> Int? {
        guard module.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]), let headers = number(module, 40, 8), let count = number(module, 60, 2)
        else {
            return nil
        }
        func section(_ index: UInt64, _ field: Int, _ width: Int) -> UInt64? {
            guard index < count else { return nil }
            return place(headers, index, sectionHeaderCount).flatMap { number(module, $0 + field, width) }
        }
        for index in 0..<count where section(index, 4, 4) == symbolTable {
            guard let symbols = section(index, 24, 8), let size = section(index, 32, 8), let link = section(index, 40, 4),
                let names = section(link, 24, 8)
            else { return nil }
            for entry in 0..<min(size, UInt64(module.count)) / UInt64(symbolCount) {
                guard let symbol = place(symbols, entry, symbolCount), let name = number(module, symbol, 4),
                    let text = place(names, name, 1), text <= module.count - function.count,
                    module[text..<text + function.count].elementsEqual(function)
                else { continue }
                guard let home = number(module, symbol + 6, 2), let value = number(module, symbol + 8, 8),
                    let base = section(home, 24, 8), var start = place(base, value, 1), start <= module.count - 16
                else { return nil }
                if module[start..<start + 4].elementsEqual([0xF3, 0x0F, 0x1E, 0xFA]) { start += 4 }  // endbr64
                return module[start] == 0xE8 ? start + 5 : start  // call __fentry__
            }
        }
        return nil
    }

    /// Where element `index` of a table lies, as far as numbers go.
    private static func place(_ base: UInt64, _ index: UInt64, _ stride: Int) -> Int? {
        let (offset, overflows) = index.multipliedReportingOverflow(by: UInt64(stride))
        let (sum, wraps) = base.addingReportingOverflow(offset)
        // Far from the end of Int, so that fields can be added.
        guard !overflows, !wraps, sum < 1 << 48 else { return nil }
        return Int(sum)
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - width else { return nil }
        return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
