import Foundation
import Testing
import VMM

/// Does what firmware does with the script of the table loader, from its description alone: files get addresses, pointers and sums are filled in.
private struct Linker {
    var files: [String: (address: UInt64, bytes: [UInt8])]

    init(_ loader: TableLoader) throws {
        let sources = [TableLoader.tablesName: loader.tables, TableLoader.rootName: loader.root]
        files = [:]
        var next: UInt64 = 0x7F_0040
        func name(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
        func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
            bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        #expect(loader.script.count % 128 == 0)
        for start in stride(from: 0, to: loader.script.count, by: 128) {
            let line = Array(loader.script[start..<start + 128])
            let file = name(line[4..<60])
            switch number(line, 0, 4) {
            case 1:
                let alignment = number(line, 60, 4)
                next = (next + alignment - 1) / alignment * alignment
                files[file] = (line[64] == 2 ? 0xF_5000 : next, try #require(sources[file]))
                next += UInt64(sources[file]!.count)
            case 2:
                let target = try #require(files[name(line[60..<116])]).address
                let offset = Int(number(line, 116, 4))
                let count = Int(line[120])
                let value = number(files[file]!.bytes, offset, count) + target
                for index in 0..<count { files[file]!.bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
            case 3:
                let (place, first, count) = (Int(number(line, 60, 4)), Int(number(line, 64, 4)), Int(number(line, 68, 4)))
                // As strict as any firmware: what is stored is the sum of the rest, whatever stood there.
                files[file]!.bytes[place] = 0 &- files[file]!.bytes[first..<first + count].reduce(0, &+)
            default: Issue.record("an unknown command")
            }
        }
    }

    func table(at address: UInt64) throws -> [UInt8] {
        let (base, bytes) = try #require(files[TableLoader.tablesName])
        let place = Int(address - base)
        let count = Int(bytes[place + 4]) | Int(bytes[place + 5]) << 8 | Int(bytes[place + 6]) << 16
        return Array(bytes[place..<place + count])
    }
}

@Suite("Tables through firmware")
struct FirmwareTablesTests {
    func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    @Test(arguments: [1, 8])
    func `what firmware links adds up and says what firmware has set up`(cpus: Int) throws {
        var setting = ACPITables.Setting()
        setting.pmBase = 0xB000
        let linker = try Linker(TableLoader(cpus: cpus, setting))
        let root = try #require(linker.files[TableLoader.rootName]).bytes
        #expect(root.prefix(20).reduce(0, &+) == 0 && root.reduce(0, &+) == 0)
        var found: Set<String> = []
        for (table, entry) in [(number(root, 16, 4), 4), (number(root, 24, 8), 8)] {
            let list = try linker.table(at: table)
            #expect(list.reduce(0, &+) == 0)
            for offset in stride(from: 36, to: list.count, by: entry) {
                let table = try linker.table(at: number(list, offset, entry))
                #expect(table.reduce(0, &+) == 0)
                found.insert(String(decoding: table.prefix(4), as: UTF8.self))
                guard table.starts(with: Array("FACP".utf8)) else { continue }
                #expect(number(table, 56, 4) == 0xB000 && number(table, 76, 4) == 0xB008)
                let facs = try linker.table(at: number(table, 36, 4))
                #expect(number(table, 36, 4) % 64 == 0 && facs.starts(with: Array("FACS".utf8)))
                #expect(number(table, 40, 4) == number(table, 140, 8))
                #expect(try linker.table(at: number(table, 140, 8)).reduce(0, &+) == 0)
            }
        }
        #expect(found.isSuperset(of: ["FACP", "APIC"]))
    }

    @Test func `a board set up otherwise changes bytes but no length`() {
        var setting = ACPITables.Setting()
        let first = TableLoader(cpus: 2, setting)
        setting.pmBase = 0xB000
        setting.pciMemory = 0x8000_0000..<0xFEC0_0000
        let second = TableLoader(cpus: 2, setting)
        #expect(first.script == second.script && first.tables.count == second.tables.count && first.tables != second.tables)
    }

    @Test(
        .enabled(if: ACPITests.hasDisassembler, "iasl is not installed (acpica-tools)"),
        arguments: [0x600, 0xB000] as [UInt64])
    func `the reference disassembler finds nothing to say of linked tables`(pmBase: UInt64) throws {
        var setting = ACPITables.Setting()
        setting.pmBase = pmBase
        setting.pciMemory = 0x8000_0000..<0xFEC0_0000
        let scratch = try Scratch()
        for table in ACPITables(cpus: 2, setting).tables where table.name != "RSDP" {
            try scratch.write(table.bytes, to: "\(table.name).dat")
            let output = MachineProgram.shell("iasl -d \(table.name).dat 2>&1", in: scratch.url).output
            for word in ["error", "warning", "invalid", "unknown"] { #expect(!output.lowercased().contains(word), "\(output)") }
        }
    }

    static let hasDecoder = ["/usr/sbin/dmidecode", "/sbin/dmidecode"].contains(where: FileManager.default.isExecutableFile)

    @Test(
        .enabled(if: hasDecoder, "dmidecode is not installed"),
        arguments: [(64 << 20, 1), (6 << 30, 8), (3 << 40, 4)] as [(UInt64, Int)])
    func `dmidecode reads the structures whole`(memory: UInt64, cpus: Int) throws {
        let ram = try #require(RAMLayout(byteCount: memory))
        let bios = SMBIOS(ram: ram, cpus: cpus)
        // dmidecode's dump: the entry point, then the structures at 32.
        let scratch = try Scratch()
        let anchor = bios.anchor(structuresAt: 32)
        #expect(anchor.count == 31 && anchor.reduce(0, &+) == 0 && anchor[16...].reduce(0, &+) == 0)
        try scratch.write(anchor + [0] + bios.structures, to: "dump")
        let output = MachineProgram.shell("PATH=$PATH:/usr/sbin dmidecode --from-dump dump 2>&1", in: scratch.url).output
        #expect(output.contains("SMBIOS 2.8 present") && output.contains("Product Name: board 1"), "\(output)")
        for word in ["OUT OF SPEC", "broken", "truncated", "invalid", "Wrong"] { #expect(!output.contains(word), "\(output)") }
        #expect(output.contains("Core Count: \(cpus)") && output.contains("End Of Table"), "\(output)")
        let size = memory >= 1 << 30 ? "\(memory >> 30) GB" : "\(memory >> 20) MB"
        #expect(output.contains("Size: \(size)") || output.contains("Size: \(memory >> 40) TB"), "\(output)")
    }
}
