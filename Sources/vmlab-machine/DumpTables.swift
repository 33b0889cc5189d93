import Glibc
import Host
import VMM

/// Writes what a guest with so many vCPUs would find in memory: one file for each ACPI table, named as a disassembler expects, and the MP table.
func dumpTables(to folder: String, cpus: Int) throws(OSError) {
    if unsafe mkdir(folder, 0o777) != 0 {
        let error = OSError.current("make the folder \(folder)")
        if error.code != .fileExists { throw error }
    }
    let files =
        ACPITables(cpus: cpus).tables.map { ($0.name, $0.bytes) } + [
            ("MPFP", MPTable.floatingPointer()), ("PCMP", MPTable.configurationTable(cpus: cpus)),
        ]
    for (name, bytes) in files {
        let file = try Descriptor.open("\(folder)/\(name).dat", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
        try file.writeAll(bytes)
    }
}
