import Foundation
import Testing

@Suite struct `the table of guests` {
    private let lab = """
        machines:
          plain: {image: debian-12}
          small: {image: pulse, networks: [], ready: {console: "pulse: ready", within: 9s}}
        """
    private let status = Data(
        #"{"machines":[{"name":"plain","image":"debian-12","consoles":["serial","console"]},{"name":"small","image":"pulse","consoles":[]}]}"#
            .utf8)
    private let events = [
        #"{"event":"accelerator","detail":"machines run in carriers: there is no /dev/kvm"}"#,
        #"{"event":"machine-started","machine":"plain","detail":"in 4.1 ms, entered by linux"}"#,
        #"{"event":"device-driven","machine":"plain","detail":"virtio-net lan"}"#,
        #"{"event":"device-driven","machine":"plain","detail":"virtio-blk root"}"#,
        #"{"event":"device-driven","machine":"plain","detail":"virtio-blk disk0"}"#,
        #"{"event":"machine-ready","machine":"plain","detail":"after 9.0 s"}"#, "no JSON",
        #"{"event":"machine-started","machine":"small","detail":"in 4.1 ms, entered by pvh"}"#,
    ].map { Data($0.utf8) }

    @Test func `says what was seen and nothing else`() throws {
        let table = SupportTable(lab: lab, status: status, events: events)
        #expect(
            table.text.split(separator: "\n").dropFirst(2) == [
                "| plain | `debian-12` | linux | virtio-blk, virtio-net, COM1 | ping | carrier | after 9.0 s |",
                "| small | `pulse` | pvh |  | \"pulse: ready\" | carrier |  |",
            ])
        let document = "before\n\(SupportTable.begin)\nold\n\(SupportTable.end)\nafter\n"
        let written = try #require(table.replacing(in: document))
        #expect(written == "before\n\(SupportTable.begin)\n\(table.text)\(SupportTable.end)\nafter\n")
        #expect(table.replacing(in: written) == written)
        #expect(SupportTable.rows(in: written) == table.rows.map(\.lasting))
        #expect(table.replacing(in: "no marks") == nil && SupportTable.rows(in: "\(SupportTable.end)\(SupportTable.begin)\n") == nil)
    }

    @Test func `names recipes and machines that there are`() throws {
        let root = CommandLineUser.root
        let rows = try #require(SupportTable.rows(in: String(contentsOfFile: root + "/README.md", encoding: .utf8)))
        let lab = try String(contentsOfFile: root + "/Labs/menagerie/lab.yaml", encoding: .utf8)
        #expect(!rows.isEmpty)
        for row in rows {
            #expect(row.count == 5 && row.allSatisfy { !$0.isEmpty }, "\(row)")
            let image = row[1].filter { $0 != "`" }
            #expect(FileManager.default.fileExists(atPath: "\(root)/Images/\(image)/image.yaml"), "\(image)")
            #expect(lab.contains("\n  \(row[0]): {image: \(image)"), "\(row[0]) with \(image) is not in Labs/menagerie")
        }
    }
}
