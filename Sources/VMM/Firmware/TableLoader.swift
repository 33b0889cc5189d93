internal import Devices

/// The ACPI tables as firmware takes them: two files, and a script that says where they go, which numbers in them are pointers, and what adds up to zero.
///
///     128 bytes a line:  0 u32 command
///       1 allocate     4 file[56]  60 alignment u32   64 zone u8: 1 high memory, 2 the BIOS area
///       2 add pointer  4 file[56]  60 points into[56] 116 offset u32  120 size u8
///       3 checksum     4 file[56]  60 offset u32      64 start u32     68 length u32
///
/// Pointers are written relative to the file they point into; sums as zero. Source: bios-linker-loader.c of QEMU.
package struct TableLoader: Sendable {
    package static let scriptName = "etc/table-loader"
    package static let rootName = "etc/acpi/rsdp"
    package static let tablesName = "etc/acpi/tables"

    package private(set) var script: [UInt8] = []
    package private(set) var root: [UInt8] = []
    package private(set) var tables: [UInt8] = []

    /// Depends on the setting in content alone: lengths and places are always the same.
    package init(cpus: Int, _ setting: ACPITables.Setting) {
        var setting = setting
        setting.base = 0
        let all = ACPITables(cpus: cpus, setting).tables
        allocate(Self.tablesName, alignment: 64, zone: 1)
        allocate(Self.rootName, alignment: 16, zone: 2)
        for table in all where table.name != "RSDP" {
            let place = Int(table.address)
            tables += [UInt8](repeating: 0, count: max(0, place - tables.count)) + table.bytes
            switch table.name {
            case "FACP":
                point(Self.tablesName, place + 36, count: 4)
                point(Self.tablesName, place + 40, count: 4)
                point(Self.tablesName, place + 140, count: 8)
            case "RSDT": for offset in stride(from: 36, to: table.bytes.count, by: 4) { point(Self.tablesName, place + offset, count: 4) }
            case "XSDT": for offset in stride(from: 36, to: table.bytes.count, by: 8) { point(Self.tablesName, place + offset, count: 8) }
            default: break
            }
            if table.name != "FACS" {
                tables[place + 9] = 0
                sum(Self.tablesName, at: place + 9, from: place, count: table.bytes.count)
            }
        }
        root = all.first { $0.name == "RSDP" }?.bytes ?? []
        (root[8], root[32]) = (0, 0)
        point(Self.rootName, 16, count: 4)
        point(Self.rootName, 24, count: 8)
        sum(Self.rootName, at: 8, from: 0, count: 20)
        sum(Self.rootName, at: 32, from: 0, count: 36)
    }

    private mutating func allocate(_ file: String, alignment: UInt32, zone: UInt8) {
        line(1) { line in
            line.append(name: file)
            line.append(alignment)
            line.append(zone)
        }
    }

    /// Everything that is pointed at lies in the file of the tables.
    private mutating func point(_ file: String, _ offset: Int, count: UInt8) {
        line(2) { line in
            line.append(name: file)
            line.append(name: Self.tablesName)
            line.append(UInt32(offset))
            line.append(count)
        }
    }

    private mutating func sum(_ file: String, at offset: Int, from start: Int, count: Int) {
        line(3) { line in
            line.append(name: file)
            for number in [offset, start, count] { line.append(UInt32(number)) }
        }
    }

    private mutating func line(_ command: UInt32, _ body: (inout LittleEndianBytes) -> Void) {
        var line = LittleEndianBytes(capacity: 128)
        line.append(command)
        body(&line)
        line.pad(to: 128)
        script += line.bytes
    }
}

extension LittleEndianBytes {
    fileprivate mutating func append(name: String) { append(Array(name.utf8) + [UInt8](repeating: 0, count: 56 - name.utf8.count)) }
}
