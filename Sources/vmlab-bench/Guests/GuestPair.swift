import Foundation
import Glibc
import Host

/// Two guests side by side, joined by a switch, and everything that runs them; ends with the value.
final class GuestPair {
    enum Contender: String, CaseIterable {
        case own, microvm, pc

        var name: String { self == .own ? "vmlab-machine, vmlab-network" : "QEMU -M \(rawValue), taps, Linux bridge" }
    }

    private var children: [ChildProcess] = []
    private var kept: [SharedDescriptor] = []
    /// Read to its end: what the measuring guest says on its console.
    let console: Descriptor

    deinit {
        for child in children { child.signal(SIGKILL) }
        for child in children { _ = try? child.wait(limitMilliseconds: 5000) }
        for name in ["tap0", "tap1", "bridge0"] where FileManager.default.fileExists(atPath: "/sys/class/net/" + name) {
            try? Self.ip("link", "del", name)
        }
    }

    /// Memory of each guest.
    private static let memory = 160

    init(_ contender: Contender, kernel: String, initramfs: String, copies: String) throws {
        let pipe = try Pipe().split()
        console = Descriptor(owning: pipe.reader)
        let output = SharedDescriptor(Descriptor(owning: pipe.writer))
        let nothing = SharedDescriptor(try Descriptor.open("/dev/null", O_RDWR))
        switch contender {
        case .own: try startOwn(kernel, initramfs, copies, output, nothing)
        case .microvm, .pc: try startEmulators(contender.rawValue, kernel, initramfs, copies, output, nothing)
        }
    }

    // MARK: Ours

    private func startOwn(
        _ kernel: String, _ initramfs: String, _ copies: String, _ output: SharedDescriptor, _ nothing: SharedDescriptor
    ) throws {
        let control = try UnixSocket.pair().split()
        kept.append(SharedDescriptor(Descriptor(owning: control.ours)))
        let controlEnd = SharedDescriptor(Descriptor(owning: control.theirs))
        var ends: [(bridge: SharedDescriptor, machine: SharedDescriptor)] = []
        var arguments = [
            "vmlab-network", "--lab", "bench", "--seed", "1", "--control", "3", "--network",
            "id=lan,subnet=10.9.0.0/24,mac=02:00:00:00:00:ff,domain=bench.lab,prefix6=fd00::/64",
        ]
        for (index, address) in [GuestSystem.server, GuestSystem.client].enumerated() {
            let pair = try UnixSocket.pair().split()
            ends.append((SharedDescriptor(Descriptor(owning: pair.ours)), SharedDescriptor(Descriptor(owning: pair.theirs))))
            arguments += ["--port", "id=g\(index)/lan,fd=\(4 + index),mac=\(Self.mac(index)),address=\(address)"]
        }
        children.append(
            try ChildProcess(
                program: try Programs.sibling("vmlab-network"), arguments: arguments, environment: [],
                inherited: [.init(2, from: 2), .init(3, from: controlEnd.number)]
                    + ends.enumerated().map { .init(CInt(4 + $0), from: $1.bridge.number) }))
        try Borrowed(control.ours).writeAll(Array("port-up g0/lan\nport-up g1/lan\n".utf8))
        for (index, end) in ends.enumerated() {
            let kernel = SharedDescriptor(try Descriptor.open(kernel, O_RDONLY))
            let initramfs = SharedDescriptor(try Descriptor.open(initramfs, O_RDONLY))
            children.append(
                try ChildProcess(
                    program: try Programs.sibling("vmlab-machine"),
                    arguments: [
                        "vmlab-machine", "--name", "g\(index)", "--memory", "\(Self.memory)MiB", "--kernel", "8", "--initrd", "9",
                        "--cmdline", GuestSystem.commandLine(isServer: index == 0, copies: copies), "--serial", "0:1", "--net",
                        "id=lan,fd=10,mac=\(Self.mac(index))",
                    ], environment: [],
                    inherited: [
                        .init(0, from: nothing.number), .init(1, from: index == 0 ? nothing.number : output.number), .init(2, from: 2),
                        .init(8, from: kernel.number), .init(9, from: initramfs.number), .init(10, from: end.machine.number),
                    ]))
        }
    }

    private static func mac(_ index: Int) -> String { "02:00:00:00:00:0\(index + 1)" }

    // MARK: QEMU

    private func startEmulators(
        _ type: String, _ kernel: String, _ initramfs: String, _ copies: String, _ output: SharedDescriptor, _ nothing: SharedDescriptor
    ) throws {
        try Self.ip("link", "add", "bridge0", "type", "bridge")
        try Self.ip("link", "set", "bridge0", "up")
        for index in 0..<2 {
            try Self.ip("tuntap", "add", "dev", "tap\(index)", "mode", "tap", "vnet_hdr")
            try Self.ip("link", "set", "tap\(index)", "master", "bridge0", "up")
            children.append(
                try ChildProcess(
                    program: try Emulator.program(),
                    arguments: [
                        "qemu-system-x86_64", "-M", type, "-accel", "kvm", "-cpu", "host", "-smp", "1", "-m", "\(Self.memory)",
                        "-nodefaults",
                        "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd", initramfs,
                        "-append", GuestSystem.commandLine(isServer: index == 0, copies: copies), "-netdev",
                        "tap,id=n,ifname=tap\(index),script=no,downscript=no", "-device",
                        "\(type == "microvm" ? "virtio-net-device" : "virtio-net-pci,disable-legacy=on,romfile="),netdev=n,mac=\(Self.mac(index))",
                    ], environment: ["PATH=/usr/bin:/bin", "HOME=/"],
                    inherited: [
                        .init(0, from: nothing.number), .init(1, from: index == 0 ? nothing.number : output.number), .init(2, from: 2),
                    ]))
        }
    }

    private static func ip(_ words: String...) throws { _ = try Measurement.of("ip", words) }
}
