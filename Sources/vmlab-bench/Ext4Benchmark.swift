import Foundation
import Glibc
import Host
import LabImages
import LabModel

/// A Debian minbase tar to an ext4 image: our writer, `mke2fs -d`, and libarchive writing the same bytes to one plain file.
enum Ext4Benchmark {
    /// This program calls itself with it, so that a writer's run is one process to be measured.
    static let writerVerb = "write-ext4"
    private static let rounds = 5

    static func write(_ arguments: [String]) throws {
        guard arguments.count == 2 else { throw BenchmarkError("\(writerVerb) TAR IMAGE") }
        let output = try Descriptor.open(arguments[1], O_RDWR | O_CREAT | O_TRUNC)
        let tar = SharedDescriptor(try Descriptor.open(arguments[0], O_RDONLY))
        let limits = DecodedStream.Limits(decodedBytes: 4 << 30)
        let archive = try ArchiveReader(try DecodedStream(tar, subject: arguments[0], expected: nil, limits: limits), subject: arguments[0])
        var writer = try Ext4Writer(output, name: arguments[1], options: Ext4Options(size: ByteCount(bytes: 512 << 20)))
        try archive.feed(&writer) { _ in }
        _ = try writer.finish()
    }

    static func run() throws {
        let folder = try TemporaryFolder()
        let tar = folder.path + "/minbase.tar"
        print("\next4: making a Debian minbase archive with mmdebstrap")
        _ = try Measurement.of("mmdebstrap", ["--quiet", "--variant=minbase", "bookworm", tar])
        let tree = folder.path + "/tree"
        try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
        _ = try Measurement.of("bsdtar", ["-xpf", tar, "-C", tree])

        let image = folder.path + "/image"
        let own = try Programs.current()
        let contenders: [(name: String, run: () throws -> Measurement)] = [
            ("vmlab, tar to ext4", { try .of(own, [writerVerb, tar, image]) }),
            ("mke2fs -d, unpacked folder to ext4", { try .of("mke2fs", ["-q", "-F", "-t", "ext4", "-d", tree, image, "512M"]) }),
            ("libarchive, tar to one plain file", { try .of("sh", ["-c", "bsdtar -xOf \(tar) > \(image)"]) }),
        ]
        var samples = [[Measurement]](repeating: [], count: contenders.count)
        for round in 0...rounds {
            for (index, contender) in contenders.enumerated() {
                try? FileManager.default.removeItem(atPath: image)
                let sample = try contender.run()
                // The first round warms the page cache.
                if round > 0 { samples[index].append(sample) }
            }
        }
        let base = samples[0].map(\.cpu).median
        printTable(
            "Debian minbase (\((try FileManager.default.attributesOfItem(atPath: tar)[.size] as? Int ?? 0) >> 20) MiB tar), medians of \(rounds)",
            ["", "CPU", "wall", "vmlab's CPU against it"],
            zip(contenders, samples).map { contender, samples in
                let cpu = samples.map(\.cpu).median
                return [contender.name, seconds(cpu), seconds(samples.map(\.wall).median), ratio(base / cpu)]
            })
    }
}
