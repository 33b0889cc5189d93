import Foundation
import Testing
import VMM

/// Set to 1, the golden files are written anew instead of compared.
let rewritesGoldens = ProcessInfo.processInfo.environment["VMLAB_REWRITE_GOLDENS"] == "1"

@Suite("Tables for guests")
struct ACPITests {
    static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
        "Goldens")
    static let hasDisassembler = FileManager.default.isExecutableFile(atPath: "/usr/bin/iasl")

    func number<T: FixedWidthInteger>(_: T.Type, _ bytes: [UInt8], _ offset: Int) -> T {
        bytes[offset..<offset + T.bitWidth / 8].reversed().reduce(0) { $0 << 8 | T($1) }
    }

    @Test(arguments: [1, 2, 8])
    func `every table says its own length and adds up to zero`(cpus: Int) throws {
        let tables = ACPITables(cpus: cpus).tables
        #expect(Set(tables.map(\.name)) == ["RSDP", "XSDT", "RSDT", "FACP", "FACS", "DSDT", "APIC", "MCFG"])
        for table in tables where table.name != "FACS" {
            #expect(table.bytes.reduce(0, &+) == 0, "\(table.name)")
            if table.name != "RSDP" {
                #expect(String(decoding: table.bytes.prefix(4), as: UTF8.self) == table.name)
                #expect(number(UInt32.self, table.bytes, 4) == UInt32(table.bytes.count))
            }
        }
        let root = try #require(tables.first { $0.name == "RSDP" })
        #expect(root.address == 0xE_0000 && root.bytes.prefix(20).reduce(0, &+) == 0)
        // Nothing overlaps, nothing leaves the BIOS area.
        let sorted = tables.sorted { $0.address < $1.address }
        for (table, next) in zip(sorted, sorted.dropFirst()) { #expect(table.address + UInt64(table.bytes.count) <= next.address) }
        #expect(sorted.last.map { $0.address + UInt64($0.bytes.count) <= 0xF_0000 } == true)
    }

    @Test func `pointers lead where the tables are`() throws {
        let tables = ACPITables(cpus: 1).tables
        let places = Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0) })
        let root = try #require(places["RSDP"]).bytes
        #expect(UInt64(number(UInt32.self, root, 16)) == places["RSDT"]?.address)
        #expect(number(UInt64.self, root, 24) == places["XSDT"]?.address)
        let long = try #require(places["XSDT"]).bytes
        let pointers = stride(from: 36, to: long.count, by: 8).map { number(UInt64.self, long, $0) }
        #expect(pointers == ["FACP", "APIC", "MCFG"].map { places[$0]!.address })
        let configuration = try #require(places["MCFG"]).bytes
        #expect(configuration.count == 60 && number(UInt64.self, configuration, 44) == 0xE000_0000)
        #expect(Array(configuration[52..<56]) == [0, 0, 0, 0], "segment 0, bus 0 to bus 0")
        let fixed = try #require(places["FACP"]).bytes
        #expect(fixed.count == 276 && fixed[8] == 6)
        #expect(UInt64(number(UInt32.self, fixed, 36)) == places["FACS"]?.address)
        #expect(number(UInt64.self, fixed, 140) == places["DSDT"]?.address)
        #expect(places["FACS"]!.address % 64 == 0)
    }

    @Test(arguments: ACPITables(cpus: 2).tables.map(\.name) + ["MPFP", "PCMP"])
    func `tables are as they were`(name: String) throws {
        let bytes =
            switch name {
            case "MPFP": MPTable.floatingPointer()
            case "PCMP": MPTable.configurationTable(cpus: 2)
            default: try #require(ACPITables(cpus: 2).tables.first { $0.name == name }).bytes
            }
        let file = Self.goldens.appendingPathComponent("\(name).dat")
        if rewritesGoldens { try Data(bytes).write(to: file) }
        #expect(try [UInt8](Data(contentsOf: file)) == bytes, "VMLAB_REWRITE_GOLDENS=1 accepts the change")
    }

    @Test(.enabled(if: hasDisassembler, "iasl is not installed (acpica-tools)"), arguments: [1, 8])
    func `the reference disassembler and compiler find nothing to say`(cpus: Int) throws {
        let scratch = try Scratch()
        for table in ACPITables(cpus: cpus).tables where table.name != "RSDP" {
            try scratch.write(table.bytes, to: "\(table.name).dat")
            let output = try shell("iasl -d \(table.name).dat 2>&1", in: scratch.url)
            #expect(FileManager.default.fileExists(atPath: scratch.path("\(table.name).dsl")), "\(output)")
            for word in ["error", "warning", "invalid", "unknown"] {
                #expect(!output.lowercased().contains(word), "\(table.name): \(output)")
            }
        }
        let compiled = try shell("iasl DSDT.dsl 2>&1", in: scratch.url)
        #expect(compiled.contains("0 Errors, 0 Warnings, 0 Remarks"), "\(compiled)")
    }

    @Test func `event timers have a table where there are some`() throws {
        var setting = ACPITables.Setting()
        setting.hasHPET = true
        let tables = ACPITables(cpus: 2, setting).tables
        let table = try #require(tables.first { $0.name == "HPET" })
        #expect(table.bytes.count == 56 && table.bytes.reduce(0, &+) == 0)
        #expect(number(UInt32.self, table.bytes, 36) == 0x8086_A201 && number(UInt64.self, table.bytes, 44) == 0xFED0_0000)
        let long = try #require(tables.first { $0.name == "XSDT" }).bytes
        #expect(number(UInt64.self, long, long.count - 8) == table.address)
        let plain = try #require(ACPITables(cpus: 2).tables.first { $0.name == "DSDT" }).bytes
        #expect(try #require(tables.first { $0.name == "DSDT" }).bytes.count > plain.count)
        guard Self.hasDisassembler else { return }
        let scratch = try Scratch()
        for table in tables where table.name == "HPET" || table.name == "DSDT" { try scratch.write(table.bytes, to: "\(table.name).dat") }
        let said = try shell("iasl -d HPET.dat DSDT.dat 2>&1; iasl -ve DSDT.dsl 2>&1; cat HPET.dsl", in: scratch.url)
        #expect(said.contains("0 Errors") && said.contains("00000000FED00000") && !said.contains("Invalid"), "\(said)")
    }

    @Test(arguments: [1, 2, 8])
    func `the MP table adds up and lists processors, buses, IOAPIC and every interrupt`(cpus: Int) {
        let pointer = MPTable.floatingPointer()
        #expect(pointer.count == 16 && pointer.reduce(0, &+) == 0)
        #expect(number(UInt32.self, pointer, 4) == 0xF_1000)
        let table = MPTable.configurationTable(cpus: cpus)
        #expect(table.reduce(0, &+) == 0)
        #expect(Int(number(UInt16.self, table, 4)) == table.count)
        var kinds: [UInt8: Int] = [:]
        var ids: [UInt8] = []
        var place = 44
        while place < table.count {
            kinds[table[place], default: 0] += 1
            if table[place] == 0 || table[place] == 2 { ids.append(table[place + 1]) }
            place += table[place] == 0 ? 20 : 8
        }
        #expect(place == table.count)
        // 13 ISA interrupts (not the cascade, not the two of PCI), 4 pins of 30 slots, two local ones.
        #expect(kinds == [0: cpus, 1: 2, 2: 1, 3: 13 + 120, 4: 2])
        #expect(Int(number(UInt16.self, table, 34)) == kinds.values.reduce(0, +))
        #expect(Set(ids).count == ids.count, "ids are unique")
    }

    private func shell(_ line: String, in folder: URL) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = folder
        let output = Foundation.Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
}
