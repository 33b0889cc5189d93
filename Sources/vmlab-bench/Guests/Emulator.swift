import Foundation
import Host

/// QEMU, as something to be measured against.
enum Emulator {
    static func program() throws -> String {
        guard let path = Programs.find("qemu-system-x86_64", path: "/usr/bin:/usr/local/bin:/bin") else {
            throw BenchmarkError("QEMU is not installed")
        }
        return path
    }

    /// The program and the firmware that its machine types want.
    static func files() throws -> [String] {
        let firmware =
            ["bios-256k.bin", "bios-microvm.bin"].map { "/usr/share/seabios/" + $0 }
            + ["linuxboot.bin", "linuxboot_dma.bin", "multiboot.bin", "multiboot_dma.bin", "pvh.bin", "kvmvapic.bin", "qboot.rom"].map {
                "/usr/share/qemu/" + $0
            }
        return [try program()] + firmware.filter(FileManager.default.isReadableFile)
    }
}

/// The static busybox, which is all that a small initramfs needs.
enum Busybox {
    static func program() throws -> String {
        guard let path = Programs.find("busybox", path: "/usr/bin:/bin") else { throw BenchmarkError("busybox-static is not installed") }
        return path
    }
}
