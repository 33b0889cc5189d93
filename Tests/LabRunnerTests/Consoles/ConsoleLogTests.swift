import Foundation
import Host
import LabRunner
import Testing

@Suite struct `a console log` {
    private func everything(_ log: ConsoleLog, from start: UInt64 = 0, limit: Int = 1000) -> [UInt8] {
        var all: [UInt8] = []
        var position = start
        while true {
            let part = log.read(at: position, limit: limit)
            if part.bytes.isEmpty { return all }
            all += part.bytes
            position = part.start + UInt64(part.bytes.count)
        }
    }

    private func line(_ number: Int) -> [UInt8] { Array("line \(number) of the console\n".utf8) }

    @Test func `has every byte from the first, in memory, on the medium and after a new start`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/db.serial.log"
        let expected = (0..<10_000).flatMap(line)
        do {
            let log = try ConsoleLog(path: path)
            for number in 0..<10_000 { log.append(line(number)) }
            #expect(everything(log) == expected && log.end == UInt64(expected.count))
        }
        #expect(try ConsoleLog.contents(path: path, since: .start) == expected)
        let again = try ConsoleLog(path: path)
        again.append(Array("more".utf8))
        #expect(everything(again) == expected + Array("more".utf8))
    }

    @Test func `keeps the latest of an endless stream in bounded room, and readers fall behind instead of it growing`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/db.serial.log"
        let log = try ConsoleLog(path: path, limit: 100_000)
        var all: [UInt8] = []
        for number in 0..<40_000 {
            let bytes = line(number)
            log.append(bytes)
            all += bytes
        }
        let sizes = try [path, path + ".1"].map { try FileStatus(of: $0).size }
        #expect(sizes.reduce(0, +) < 220_000, "\(sizes)")
        let kept = everything(log)
        #expect(kept.count > 100_000 && all.suffix(kept.count).elementsEqual(kept))
        #expect(everything(log, from: log.end - 10) == Array(all.suffix(10)))
    }

    @Test func `knows where this boot begins, also after rotation and without a keeper`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/db.serial.log"
        let log = try ConsoleLog(path: path, limit: 20_000)
        for number in 0..<300 { log.append(line(number)) }
        log.markBoot()
        let boot = (300..<1000).flatMap(line)
        for number in 300..<1000 { log.append(line(number)) }
        #expect(everything(log, from: log.boot) == boot)
        #expect(try ConsoleLog.contents(path: path, since: .boot) == boot)
    }

    @Test func `on a full filesystem keeps the last words in memory, and goes on when there is room`() throws {
        let scratch = try Scratch()
        guard let small = try scratch.smallFileSystem(kibibytes: 64) else { return }
        let path = small + "/db.serial.log"
        let log = try ConsoleLog(path: path)
        var all: [UInt8] = []
        for number in 0..<4000 {
            let bytes = line(number)
            log.append(bytes)
            all += bytes
        }
        #expect(log.isLosing)
        let last = everything(log, from: log.end - 5000)
        #expect(all.suffix(5000).elementsEqual(last))
        #expect(try Scratch.run("/usr/bin/mount", "-o", "remount,size=1024k", small) == 0)
        log.append(Array("there is room again\n".utf8))
        #expect(!log.isLosing)
        let onMedium = try ConsoleLog.contents(path: path, since: .start)
        #expect(String(decoding: onMedium, as: UTF8.self).hasSuffix("line 3999 of the console\nthere is room again\n"))
        #expect(onMedium.count == all.count + 20, "what was lost is a hole: positions stay true")
    }

    @Test func `does not follow a symlink that lies in its place`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/db.serial.log"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: scratch.path + "/elsewhere")
        #expect(throws: OSError.self) { _ = try ConsoleLog(path: path) }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/elsewhere"))
    }
}
