import Foundation
import Glibc
import Host

/// The same Debian kernel and initramfs to the first line of init, in carriers: our monitor against QEMU's two machine types.
///
/// Each run is one fresh carrier (`vmlab carrier run`), so all three see the same `/dev/kvm`. The clock is the carrier's own: it stands
/// between a mark before the monitor starts and the guest's first line, so the carrier's own boot is left out.
enum BootBenchmark {
    private static let rounds = 3
    private static let firstLine = "init: first line"
    private static let guestCommandLine = "console=ttyS0 quiet panic=-1 rdinit=/init"

    static func run() throws {
        let folder = try TemporaryFolder()
        let kernel = try DebianKernel.image()
        let initramfs = try makeInitramfs(folder)
        let machine = try Programs.sibling("vmlab-machine")
        let qemuFiles = try Emulator.files()
        let qemu = try Emulator.program()
        let common =
            "-accel kvm -cpu host -smp 1 -m 256 -nodefaults -no-user-config -nographic -no-reboot -serial stdio -kernel \(kernel) -initrd \(initramfs) -append '\(guestCommandLine)'"
        let contenders: [(name: String, files: [String], command: String)] = [
            (
                "vmlab-machine", [machine],
                "\(machine) --name guest --memory 256MiB --cpus 1 --kernel 8 --initrd 9 --cmdline '\(guestCommandLine)' --serial 0:1 8<\(kernel) 9<\(initramfs)"
            ),
            ("QEMU -M microvm", qemuFiles, "\(qemu) -M microvm \(common)"),
            ("QEMU -M pc", qemuFiles, "\(qemu) -M pc \(common)"),
        ]
        var walls = [[Double]](repeating: [], count: contenders.count)
        for _ in 0..<rounds {
            for (index, contender) in contenders.enumerated() {
                walls[index].append(try once(contender.files + [kernel, initramfs, Busybox.program()], contender.command))
            }
        }
        let own = walls[0].median
        printTable(
            "Debian's cloud kernel to the first line of init, on the KVM of a carrier (medians of \(rounds))",
            ["monitor", "wall", "vmlab-machine against it"],
            zip(contenders, walls).map { [$0.name, seconds($1.median), ratio(own / $1.median)] })
    }

    /// Seconds from the start of the monitor to the guest's first line.
    private static func once(_ files: [String], _ command: String) throws -> Double {
        let script =
            "echo mark $(cut -d' ' -f1 /proc/uptime); \(command) </dev/null | while read -r line; do echo \"$line\"; case \"$line\" in *'\(firstLine)'*) echo mark $(cut -d' ' -f1 /proc/uptime);; esac; done"
        let busybox = try Busybox.program()
        var arguments = ["carrier", "run", "--memory", "640MiB"]
        for file in files { arguments += ["--with", file] }
        arguments += ["--", busybox, "sh", "-c", "export PATH=/bin; cut() { \(busybox) cut \"$@\"; }; " + script]
        let output = try Measurement.of(try Programs.sibling("vmlab"), arguments).output
        let marks = output.matches(of: #/mark (\d+\.\d+)/#).compactMap { Double($0.1) }
        guard marks.count >= 2 else { throw BenchmarkError("the guest never said its first line: \(output.suffix(800))") }
        return marks[1] - marks[0]
    }

    /// busybox and an init that says one line and powers off.
    private static func makeInitramfs(_ folder: TemporaryFolder) throws -> String {
        let path = folder.path + "/initramfs.cpio"
        let script = """
            set -e; mkdir -p '\(folder.path)/root/bin'; cd '\(folder.path)/root'; cp '\(try Busybox.program())' bin/busybox
            printf '#!/bin/busybox sh\\necho "\(firstLine)"\\n/bin/busybox poweroff -f\\n' > init; chmod +x init
            find . | cpio -o -H newc > '\(path)' 2>/dev/null
            """
        _ = try Measurement.of("sh", ["-c", script])
        return path
    }
}
